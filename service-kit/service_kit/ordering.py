"""The order of messages and mails about one subject."""

from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

ItemT = TypeVar("ItemT")


def order_by_version(
    items: Sequence[ItemT],
    *,
    subject: Callable[[ItemT], Hashable | None],
    version: Callable[[ItemT], int],
) -> list[ItemT]:
    """The items in their order, but those about one subject in the order of its versions.

    They fill the same positions of the list: an item moves past none about another subject, and one
    without a subject (None) stays where it is.
    """
    positions: dict[Hashable, list[int]] = {}
    for position, item in enumerate(items):
        about = subject(item)
        if about is not None:
            positions.setdefault(about, []).append(position)
    ordered = list(items)
    for group in positions.values():
        by_version = sorted((items[position] for position in group), key=version)
        for position, item in zip(group, by_version, strict=True):
            ordered[position] = item
    return ordered
