"""The list of events: filters, words, sort orders and their cursors. Each order has its index in models."""

import math
from datetime import datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, literal, select, true, tuple_
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.events.queries import PUBLIC_COLUMNS, with_availability
from event_service.events.schemas import EventPublic, EventQuery
from event_service.events.search import WORST_RANK, Search, read_search
from event_service.models import Event
from event_service.rules import IS_IN_PUBLIC_LIST
from service_kit.problems import InvalidRequest
from service_kit.web.paging import Page, Paging


async def list_events(
    session: AsyncSession, query: EventQuery, paging: Paging, *, owner: UUID | None = None
) -> tuple[Page[EventPublic], float]:
    """A page of upcoming events, or of the owner's events in every status; and the seconds until the first
    of them begins."""
    # By PostgreSQL's clock, which also decides what is upcoming.
    statement = select(*PUBLIC_COLUMNS, (col(Event.starts_at) - func.now()).label("until_start"))
    if owner is not None:
        statement = statement.where(col(Event.organizer_id) == owner)
    else:
        statement = statement.where(IS_IN_PUBLIC_LIST)
    statement = statement.where(*_filters(query))
    search = await read_search(session, query.q) if query.q else None
    if search and search.is_empty:
        return Page(items=[], next_cursor=None), math.inf
    if search and query.order == "relevance":
        page = _by_relevance(statement, search, paging)
        names = ["rank", "starts_at", "id"]
    else:
        statement = search.narrow(statement) if search else statement
        page = _sorted(statement, query, _position(query, paging))
        names = [query.order.lstrip("-"), "id"]
    rows = list((await session.execute(with_availability(page.limit(paging.limit + 1)))).all())
    # A join does not keep the order of its inner side.
    key = attrgetter(*names)
    rows.sort(key=key, reverse=query.order.startswith("-"))
    shown, cursor = paging.page(rows, lambda row: (query.order, *key(row)))
    items = [EventPublic.model_validate(row) for row in shown]
    seconds = min((row.until_start.total_seconds() for row in shown), default=math.inf)
    return Page(items=items, next_cursor=cursor), seconds


def _by_relevance(statement: Select[Any], search: Search, paging: Paging) -> Select[Any]:
    """The best matches first, equal ones by their start."""
    condition = statement.whereclause
    ranked = search.ranked(true() if condition is None else condition)
    key = (ranked.c.rank, ranked.c.starts_at, ranked.c.id)
    page = statement.add_columns(ranked.c.rank).join(ranked, ranked.c.id == col(Event.id))
    after = paging.after(str, int, datetime, UUID)
    if after is not None:
        if after[0] != "relevance" or not 0 <= after[1] <= WORST_RANK:
            raise InvalidRequest.field("cursor", "It belongs to another sort order.")
        page = page.where(tuple_(*key) > tuple_(*(literal(part) for part in after[1:])))
    return page.order_by(*key)


def _filters(query: EventQuery) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if query.city:
        conditions.append(func.event_plain(Event.city) == func.event_plain(query.city))
    if query.category:
        conditions.append(func.event_plain(Event.category) == func.event_plain(query.category))
    if query.starts_from:
        conditions.append(col(Event.starts_at) >= query.starts_from)
    if query.starts_to:
        conditions.append(col(Event.starts_at) <= query.starts_to)
    if isinstance(query.organizer, UUID):
        conditions.append(col(Event.organizer_id) == query.organizer)
    return conditions


def _position(query: EventQuery, paging: Paging) -> tuple[datetime, UUID] | None:
    key = paging.after(str, datetime, UUID)
    if key is None:
        return None
    if key[0] != query.order:
        raise InvalidRequest.field("cursor", "It belongs to another sort order.")
    return key[1], key[2]


def _sorted(
    statement: Select[Any], query: EventQuery, after: tuple[datetime, UUID] | None
) -> Select[Any]:
    column = col(Event.created_at) if query.order == "-created_at" else col(Event.starts_at)
    key = tuple_(column, col(Event.id))
    is_descending = query.order.startswith("-")
    if after is not None:
        last = tuple_(literal(after[0]), literal(after[1]))
        statement = statement.where(key < last if is_descending else key > last)
    if is_descending:
        return statement.order_by(column.desc(), col(Event.id).desc())
    return statement.order_by(column, col(Event.id))
