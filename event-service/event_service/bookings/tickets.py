"""The calendar file of a booking, and the QR codes of its tickets."""

import re
from datetime import datetime
from typing import Any
from uuid import UUID
from xml.sax.saxutils import escape

from sqlalchemy import select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession
from zxingcpp import BarcodeFormat, create_barcode

from event_service.bookings.calendar import booking_calendar_file
from event_service.models import Booking, Event, Ticket
from event_service.problems import BookingEnded, BookingNotConfirmed, HoldExpired
from event_service.rules import STATUS_NOW
from event_service.statuses import BookingStatus
from service_kit.problems import NotFound, Problem

QR_ERROR_CORRECTION = "M"
QR_SCALE = 8
# The search for the best of eight masks takes four fifths of the time; random codes do not need it.
QR_MASK = 0

REFUSALS: dict[BookingStatus, type[Problem]] = {
    BookingStatus.HELD: BookingNotConfirmed,
    BookingStatus.CANCELLED: BookingEnded,
    BookingStatus.EXPIRED: HoldExpired,
}


async def booking_calendar(
    session: AsyncSession, booking_id: UUID, *, by: UUID, public_url: str, at: datetime
) -> bytes:
    """For a booking that has ended, the file removes the earlier entry from the calendar."""
    rows = await session.execute(
        select(Event, STATUS_NOW)
        .join(Booking, col(Booking.event_id) == col(Event.id))
        .where(col(Booking.id) == booking_id, col(Booking.user_id) == by)
    )
    row = rows.one_or_none()
    if row is None:
        raise NotFound
    url = f"{public_url}/bookings/{booking_id}"
    return booking_calendar_file(booking_id, row[1], row[0], url=url, at=at)


async def ticket_code_image(
    session: AsyncSession, booking_id: UUID, seat_id: UUID, *, by: UUID
) -> bytes:
    """An SVG. Only confirmed bookings have one: raises BookingNotConfirmed, BookingEnded, HoldExpired."""
    rows = await session.execute(
        select(col(Ticket.code), STATUS_NOW)
        .join(Booking, col(Booking.id) == col(Ticket.booking_id))
        .where(
            col(Ticket.booking_id) == booking_id,
            col(Ticket.seat_id) == seat_id,
            col(Booking.user_id) == by,
        )
    )
    row = rows.one_or_none()
    if row is None:
        raise NotFound
    if row[1] in REFUSALS:
        raise REFUSALS[row[1]]
    return draw(row[0])


def draw(code: str) -> bytes:
    """Black modules on white: a page may be dark, and scanners need the contrast."""
    # One byte a module, with a white margin of four modules.
    barcode = create_barcode(
        code, BarcodeFormat.QRCode, ec_level=QR_ERROR_CORRECTION, data_mask=QR_MASK
    )
    image: Any = barcode.to_image()
    side, modules = image.shape[0], bytes(image)
    path = "".join(
        f"M{run.start()} {y}h{len(run[0])}v1h-{len(run[0])}z"
        for y in range(side)
        for run in re.finditer(rb"\x00+", modules[y * side : (y + 1) * side])
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}"'
        f' width="{side * QR_SCALE}" height="{side * QR_SCALE}" shape-rendering="crispEdges">'
        f'<title>{escape(code)}</title><path fill="#fff" d="M0 0h{side}v{side}H0z"/>'
        f'<path d="{path}"/></svg>'
    ).encode()
