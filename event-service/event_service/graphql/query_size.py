"""The size of a query, computed from the document before anything is resolved.

``levels`` is the depth of nested selections, fragments included; ``aliases`` counts those of a fragment
at each use; ``cost`` is the number of values that the answer may have, with all requested rows of lists;
``maps`` is the number of seat maps. Each fragment is measured once, and never expanded.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    SelectionNode,
    SelectionSetNode,
    build_schema,
    get_named_type,
    is_object_type,
)
from strawberry.schema import BaseSchema

from event_service.graphql.problems import QueryTooLarge
from event_service.graphql.selections import Selections
from event_service.settings import Settings
from service_kit.web.paging import DEFAULT_LIMIT, MAX_LIMIT

# The number of seats is not known yet. All seats together have a limit of their own, since they cost far
# less than other values (see ``selections.project``).
ASSUMED_ITEMS_OF_MAP = 10
ASSUMED_SEATS_OF_BOOKING = 10
# A text of up to 10,000 characters.
COST_OF_DESCRIPTION = 50

PAGED = frozenset({("Query", "events"), ("Viewer", "bookings")})
ROWS = frozenset({("EventPage", "items"), ("BookingPage", "items")})
MAP = ("Event", "seats")
MULTIPLIERS = {
    ("SeatMap", "sections"): ASSUMED_ITEMS_OF_MAP,
    ("Section", "rows"): ASSUMED_ITEMS_OF_MAP,
    ("SeatRow", "seats"): ASSUMED_ITEMS_OF_MAP,
    ("Booking", "seats"): ASSUMED_SEATS_OF_BOOKING,
}
OWN_COST = {("Event", "description"): COST_OF_DESCRIPTION}

# The type of each field, by its parent type and its name.
Types = Mapping[tuple[str, str], str]


@dataclass(frozen=True)
class Size:
    levels: int = 0
    aliases: int = 0
    cost: int = 0
    maps: int = 0

    def plus(self, other: "Size") -> "Size":
        return Size(
            max(self.levels, other.levels),
            self.aliases + other.aliases,
            self.cost + other.cost,
            self.maps + other.maps,
        )


@lru_cache(maxsize=1)
def types_of(schema: BaseSchema) -> Types:
    return {
        (parent.name, name): get_named_type(field.type).name
        for parent in build_schema(schema.as_str()).type_map.values()
        if is_object_type(parent)
        for name, field in parent.fields.items()
    }


def check_size(selections: Selections, *, types: Types, settings: Settings) -> None:
    """Raises QueryTooLarge for more levels, aliases, cost or seat maps than the settings allow."""
    counter = _Counter(selections, types, settings.graphql_max_depth)
    size = counter.count(selections.operation.selection_set, "Query", rows=1, level=1)
    if size.maps > settings.graphql_max_seat_maps:
        raise QueryTooLarge(
            f"It may show {size.maps} seat maps, and a query may show "
            f"{settings.graphql_max_seat_maps}. Ask for fewer events at once, or for each event's "
            "seats by GET /api/v1/events/{id}/seats."
        )
    for what, amount, limit in (
        ("aliases", size.aliases, settings.graphql_max_aliases),
        ("values", size.cost, settings.graphql_max_cost),
    ):
        if amount > limit:
            raise QueryTooLarge(f"It asks for more than {limit} {what}.")


class _Counter:
    def __init__(self, selections: Selections, types: Types, max_depth: int) -> None:
        self._selections = selections
        self._types = types
        self._max_depth = max_depth
        self._counted: dict[tuple[str, int], Size] = {}

    def count(self, selected: SelectionSetNode, parent: str, *, rows: int, level: int) -> Size:
        """The size of a selection; ``rows`` is the number of rows of the page that it belongs to.

        Raises QueryTooLarge at the first level that is too deep, which also ends circular fragments.
        """
        self._check_depth(level)
        size = Size()
        for node in selected.selections:
            size = size.plus(self._count_node(node, parent, rows, level))
        return replace(size, levels=size.levels + 1)

    def _count_node(self, node: SelectionNode, parent: str, rows: int, level: int) -> Size:
        if self._selections.is_excluded(node):
            return Size()
        if isinstance(node, FieldNode):
            return self._count_field(node, parent, rows, level)
        if isinstance(node, InlineFragmentNode):
            named = node.type_condition.name.value if node.type_condition else parent
            return self.count(node.selection_set, named, rows=rows, level=level + 1)
        assert isinstance(node, FragmentSpreadNode)
        return self._count_fragment(node.name.value, rows, level)

    def _count_fragment(self, name: str, rows: int, level: int) -> Size:
        fragment = self._selections.fragments.get(name)
        if fragment is None:
            # Validation reports it.
            return Size()
        size = self._counted.get((name, rows))
        if size is None:
            size = self.count(
                fragment.selection_set,
                fragment.type_condition.name.value,
                rows=rows,
                level=level + 1,
            )
            self._counted[name, rows] = size
        self._check_depth(level + size.levels)
        return size

    def _count_field(self, node: FieldNode, parent: str, rows: int, level: int) -> Size:
        field = (parent, node.name.value)
        aliases = 1 if node.alias else 0
        if node.name.value.startswith("__"):
            # Introspection has its own limits, and is off in production.
            return Size(0, aliases, 1)
        requested = self._rows(node) if field in PAGED else 0
        inner = Size()
        if node.selection_set:
            below = self._types.get(field, "")
            inner = self.count(node.selection_set, below, rows=requested or rows, level=level + 1)
        times = rows if field in ROWS else MULTIPLIERS.get(field, 1)
        return Size(
            inner.levels,
            aliases + inner.aliases,
            requested + times * (OWN_COST.get(field, 1) + inner.cost),
            times * (inner.maps + (field == MAP)),
        )

    def _rows(self, node: FieldNode) -> int:
        """The requested number of rows of a page; the maximum if the argument is invalid."""
        arguments = {argument.name.value: argument.value for argument in node.arguments or ()}
        value = (
            self._selections.value(arguments["first"]) if "first" in arguments else DEFAULT_LIMIT
        )
        return value if isinstance(value, int) and 1 <= value <= MAX_LIMIT else MAX_LIMIT

    def _check_depth(self, level: int) -> None:
        if level > self._max_depth:
            raise QueryTooLarge(f"It has more than {self._max_depth} levels.")
