"""Sums over the bookings of an event."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.events.queries import require_organizer
from event_service.sales.schemas import DaySales, SalesPublic, SectionSales
from event_service.sales.sql import statements
from service_kit.database.engine import sql_connection


async def read_sales(session: AsyncSession, event_id: UUID, *, owner: UUID | None) -> SalesPublic:
    """``owner`` as in ``require_organizer``."""
    event = await require_organizer(session, event_id, owner)
    connection = await sql_connection(session)
    totals = await statements.read_totals.row(connection, event_id=event_id)
    sections = await statements.list_sections.rows(connection, event_id=event_id)
    moments = await statements.list_moments.rows(connection, event_id=event_id)
    assert totals is not None
    return SalesPublic(
        **dict(totals),
        sections=[SectionSales.model_validate(dict(row)) for row in sections],
        days=_by_day(moments, ZoneInfo(event.timezone)),
    )


def _by_day(moments: Iterable[Any], zone: ZoneInfo) -> list[DaySales]:
    """``moments`` in ascending order; so are the days."""
    days: list[DaySales] = []
    for row in moments:
        day = row.moment.astimezone(zone).date()
        if not days or days[-1].date != day:
            days.append(DaySales(date=day, seats=0, revenue=0))
        days[-1].seats += row.seats
        days[-1].revenue += row.revenue
    return days
