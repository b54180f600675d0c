"""The selections of a query, with its fragments and without fields that directives exclude."""

from collections.abc import Iterator, Mapping
from typing import Any

from graphql import (
    BooleanValueNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
)

from service_kit.web.paging import DEFAULT_LIMIT

# Fields of the answer: key in the answer, name in the schema, and the selected fields of it.
Shape = list[tuple[str, str, "Shape | None"]]


class Selections:
    """The operation of a document, with its fragments and the values of its variables."""

    def __init__(
        self,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
    ) -> None:
        self.operation = operation
        self.fragments = {
            node.name.value: node
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        self._variables = variables
        self._defaults = {
            node.variable.name.value: node.default_value
            for node in operation.variable_definitions or ()
        }

    def value(self, node: ValueNode | None) -> Any:
        """The value of an integer or boolean node; None for other nodes."""
        if isinstance(node, BooleanValueNode):
            return node.value
        if isinstance(node, IntValueNode):
            # Longer numbers are out of range, and Python does not parse very long ones.
            return int(node.value) if len(node.value) < 10 else None
        if not isinstance(node, VariableNode):
            return None
        name = node.name.value
        if name in self._variables:
            return self._variables[name]
        default = self._defaults.get(name)
        return DEFAULT_LIMIT if default is None else self.value(default)

    def is_excluded(self, node: SelectionNode) -> bool:
        """Whether ``@skip`` or ``@include`` excludes it from the answer."""
        for directive in node.directives or ():
            arguments = {a.name.value: a.value for a in directive.arguments or ()}
            condition = self.value(arguments.get("if"))
            if (directive.name.value, condition) in (("skip", True), ("include", False)):
                return True
        return False

    def shape(self, nodes: list[FieldNode]) -> Shape:
        """The merged selection of one field's nodes. For valid documents whose types have no interfaces, so
        that every fragment applies."""
        by_key: dict[str, list[FieldNode]] = {}
        for node in nodes:
            if node.selection_set:
                for field in self._fields(node.selection_set):
                    key = field.alias.value if field.alias else field.name.value
                    by_key.setdefault(key, []).append(field)
        return [
            (key, of[0].name.value, self.shape(of) if of[0].selection_set else None)
            for key, of in by_key.items()
        ]

    def _fields(self, selected: SelectionSetNode) -> Iterator[FieldNode]:
        for node in selected.selections:
            if self.is_excluded(node):
                continue
            if isinstance(node, FieldNode):
                yield node
            elif isinstance(node, InlineFragmentNode):
                yield from self._fields(node.selection_set)
            elif isinstance(node, FragmentSpreadNode):
                yield from self._fields(self.fragments[node.name.value].selection_set)


def occurrences(shape: Shape, name: str) -> int:
    """How often a field of that name is selected, at any depth."""
    return sum(
        (field == name) + (occurrences(inner, name) if inner else 0) for _, field, inner in shape
    )


# Names of the schema that differ in the JSON of REST, and the types of seat maps.
_JSON_NAMES = {"ticketCode": "ticket_code"}
_TYPES = {"sections": "Section", "rows": "SeatRow", "seats": "Seat"}


def project(value: Any, shape: Shape, type_name: str) -> Any:
    """The part of a JSON value that ``shape`` selects. GraphQL's executor takes twenty times as long."""
    if isinstance(value, list):
        return [project(one, shape, type_name) for one in value]
    if all(inner is None and name != "__typename" for _, name, inner in shape):
        return {key: value[_JSON_NAMES.get(name, name)] for key, name, _ in shape}
    return {
        key: (
            type_name
            if name == "__typename"
            else (
                project(value[name], inner, _TYPES.get(name, ""))
                if inner is not None
                else value[_JSON_NAMES.get(name, name)]
            )
        )
        for key, name, inner in shape
    }
