"""What a query selects, with its fragments, and without what its directives leave out."""

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

# A field of the answer: its key there, its name in the schema, and what is selected of it.
Shape = list[tuple[str, str, "Shape | None"]]


class Selections:
    """The operation of a document that was asked for, with the values of its variables."""

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
        """Of a number or truth value; None for anything else."""
        if isinstance(node, BooleanValueNode):
            return node.value
        if isinstance(node, IntValueNode):
            # Longer numbers are refused anyway, and Python refuses to read very long ones.
            return int(node.value) if len(node.value) < 10 else None
        if not isinstance(node, VariableNode):
            return None
        name = node.name.value
        if name in self._variables:
            return self._variables[name]
        default = self._defaults.get(name)
        return DEFAULT_LIMIT if default is None else self.value(default)

    def is_left_out(self, node: SelectionNode) -> bool:
        """Whether ``@skip`` or ``@include`` leaves it out of the answer."""
        for directive in node.directives or ():
            given = {argument.name.value: argument.value for argument in directive.arguments or ()}
            condition = self.value(given.get("if"))
            if (directive.name.value, condition) in (("skip", True), ("include", False)):
                return True
        return False

    def shape(self, nodes: list[FieldNode]) -> Shape:
        """What is selected of a field that these nodes together ask for. For valid documents only, of
        types without interfaces: there every fragment applies."""
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
            if self.is_left_out(node):
                continue
            if isinstance(node, FieldNode):
                yield node
            elif isinstance(node, InlineFragmentNode):
                yield from self._fields(node.selection_set)
            elif isinstance(node, FragmentSpreadNode):
                yield from self._fields(self.fragments[node.name.value].selection_set)


def occurrences(shape: Shape, name: str) -> int:
    """How often a field of that name stands in it, at any depth."""
    return sum(
        (field == name) + (occurrences(inner, name) if inner else 0) for _, field, inner in shape
    )


# Names in the schema that are others in the JSON of REST; and the types of seat maps.
_OTHERWISE = {"ticketCode": "ticket_code"}
_TYPES = {"sections": "Section", "rows": "SeatRow", "seats": "Seat"}


def project(value: Any, shape: Shape, type_name: str) -> Any:
    """What ``shape`` selects of JSON. GraphQL's executor takes twenty times as long for a seat."""
    if isinstance(value, list):
        return [project(one, shape, type_name) for one in value]
    if all(inner is None and name != "__typename" for _, name, inner in shape):
        return {key: value[_OTHERWISE.get(name, name)] for key, name, _ in shape}
    return {
        key: (
            type_name
            if name == "__typename"
            else (
                project(value[name], inner, _TYPES.get(name, ""))
                if inner is not None
                else value[_OTHERWISE.get(name, name)]
            )
        )
        for key, name, inner in shape
    }
