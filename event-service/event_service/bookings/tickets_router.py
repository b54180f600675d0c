"""``/api/v1/bookings/{booking_id}``: the calendar file and the QR codes of tickets."""

from uuid import UUID

from fastapi import Response

from event_service.bookings import tickets
from event_service.deps import CurrentUser, SettingsDep
from event_service.problems import BookingEnded, BookingNotConfirmed, HoldExpired
from service_kit.clock import utc_now
from service_kit.database.engine import SessionDep
from service_kit.problems import NotAuthenticated, NotFound, problem_responses
from service_kit.web.auth import Router

router = Router(prefix="/api/v1/bookings/{booking_id}", tags=["bookings"])

NO_STORE = {"Cache-Control": "no-store"}


@router.get(
    "/calendar.ics",
    response_class=Response,
    summary="Download a booking as a calendar file",
    responses=problem_responses(NotAuthenticated, NotFound)
    | {200: {"content": {"text/calendar": {}}}},
)
async def get_calendar(
    booking_id: UUID, user: CurrentUser, session: SessionDep, settings: SettingsDep
) -> Response:
    content = await tickets.booking_calendar(
        session, booking_id, by=user.user_id, public_url=settings.public_url, at=utc_now()
    )
    headers = NO_STORE | {"Content-Disposition": f'attachment; filename="{booking_id}.ics"'}
    return Response(content, media_type="text/calendar; charset=utf-8", headers=headers)


@router.get(
    "/tickets/{seat_id}.svg",
    response_class=Response,
    summary="Show the QR code of a ticket",
    responses=problem_responses(
        NotAuthenticated, NotFound, BookingNotConfirmed, BookingEnded, HoldExpired
    )
    | {200: {"content": {"image/svg+xml": {}}}},
)
async def get_ticket_code(
    booking_id: UUID, seat_id: UUID, user: CurrentUser, session: SessionDep
) -> Response:
    image = await tickets.ticket_code_image(session, booking_id, seat_id, by=user.user_id)
    return Response(image, media_type="image/svg+xml", headers=NO_STORE)
