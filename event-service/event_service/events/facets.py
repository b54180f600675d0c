"""The cities and categories of the events in the public list, each with how many events it has."""

import math
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, func, literal_column, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY, TEXT, aggregate_order_by
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.events.schemas import Facets, FacetValue
from event_service.models import Event
from event_service.rules import IS_IN_PUBLIC_LIST

VALUES_PER_FACET = 100


async def read_facets(session: AsyncSession) -> tuple[Facets, float]:
    """The facets, and the seconds until the first of their events begins: then it is not counted any more."""
    rows = (await session.execute(_statement())).all()
    seconds = min((row.until_start.total_seconds() for row in rows), default=math.inf)
    cities, categories = (_values(rows, is_category) for is_category in (0, 1))
    return Facets(cities=cities, categories=categories), seconds


def _values(rows: Sequence[Any], is_category: int) -> list[FacetValue]:
    return [
        FacetValue(value=row.value, count=row.events)
        for row in rows
        if row.is_category == is_category
    ]


def _statement() -> Select[Any]:
    """A row for each value, the most frequent first. Spellings that ``?city=`` takes for one count together
    and go by the most frequent of them.

    Spellings are counted as they are, in one pass, and compared afterwards: to write one without accents
    takes longer than to read an event.
    """
    spelling = (
        select(
            literal_column("grouping(event.city)").label("is_category"),
            func.coalesce(col(Event.city), col(Event.category)).label("value"),
            func.count().label("events"),
            (func.min(col(Event.starts_at)) - func.now()).label("until_start"),
        )
        .where(IS_IN_PUBLIC_LIST)
        .group_by(func.grouping_sets(tuple_(col(Event.city)), tuple_(col(Event.category))))
        .cte("spelling")
        .c
    )
    events, plain = func.sum(spelling.events), func.event_plain(spelling.value)
    by_frequency = aggregate_order_by(spelling.value, spelling.events.desc(), spelling.value)
    value = (
        select(
            spelling.is_category,
            func.array_agg(by_frequency, type_=ARRAY(TEXT))[1].label("value"),
            events.label("events"),
            func.min(spelling.until_start).label("until_start"),
            func.row_number()
            .over(partition_by=spelling.is_category, order_by=(events.desc(), plain))
            .label("rank"),
        )
        .where(spelling.value != "")
        .group_by(spelling.is_category, plain)
        .cte("value")
        .c
    )
    return (
        select(value.is_category, value.value, value.events, value.until_start)
        .where(value.rank <= VALUES_PER_FACET)
        .order_by(value.is_category, value.rank)
    )
