"""Writing events. The organizer's changes lock the event; bookings share a weaker lock on it."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.bookings.ending import cancel_bookings_of_event
from event_service.cache import touch_event
from event_service.erasures.queries import refuse_erased
from event_service.errors import EventCancelled, EventHasBookings
from event_service.events import seating
from event_service.events.drafts import lock_drafts, refuse_too_many_draft_seats
from event_service.events.messages import ORGANIZER_ERASED, tell_guests_of_change
from event_service.events.past import refuse_to_cancel_the_past, refuse_to_change_the_past
from event_service.events.queries import lock_event, owner_for
from event_service.events.schemas import (
    AssignedSeating,
    EventCreate,
    EventUpdate,
    check_times,
    count_seats,
)
from event_service.models import Event
from event_service.waitlist.offers import offer_what_is_free
from service_kit.problems import InvalidRequest, VersionMismatch
from service_kit.web.tokens import Person

SEATING_FIELDS = frozenset({"capacity", "sections"})


async def create_event(
    session: AsyncSession, new: EventCreate, *, by: UUID, now: datetime, max_draft_seats: int
) -> Event:
    """Raises InvalidRequest for an event that has ended, TooManyDraftSeats."""
    plan = new.seating
    _refuse_ended(new.ends_at, now)
    await refuse_erased(session, by)
    await lock_drafts(session, by)
    event = Event(
        **new.model_dump(exclude={"seating"}),
        organizer_id=by,
        seating=plan.kind,
        capacity=count_seats(plan.sections) if isinstance(plan, AssignedSeating) else plan.capacity,
    )
    session.add(event)
    await session.flush()
    await refuse_too_many_draft_seats(session, by, limit=max_draft_seats)
    if isinstance(plan, AssignedSeating):
        await seating.add_assigned_seats(session, event.id, plan.sections)
    else:
        await seating.add_general_seats(session, event.id, range(1, plan.capacity + 1))
    await touch_event(session, event.id)
    return event


async def update_event(
    session: AsyncSession,
    event_id: UUID,
    change: EventUpdate,
    *,
    by: Person,
    version: int | None,
    now: datetime,
    offer_for: timedelta,
    max_draft_seats: int,
) -> Event:
    """Raises VersionMismatch if the event is not at ``version``, CapacityInUse, EventCancelled,
    TooManyDraftSeats, InvalidRequest. New seats are offered to who waits. What changes nothing
    raises no version.
    """
    event = await lock_event(session, event_id, owner=owner_for(by))
    await refuse_erased(session, by.user_id)
    if version is not None and version != event.version:
        raise VersionMismatch(f"It is at version {event.version} now.", version=event.version)
    if event.status == "cancelled":
        raise EventCancelled
    values = _values(change, event)
    before = {name: getattr(event, name) for name in values}
    has_other_seats = await _change_seating(session, event, change, max_draft_seats)
    changed = [name for name, value in values.items() if value != before[name]]
    if has_other_seats:
        changed += sorted(SEATING_FIELDS & change.model_fields_set)
    if not changed:
        return event
    await refuse_to_change_the_past(session, event, changed, values.get("ends_at"), now)
    for name, value in values.items():
        setattr(event, name, value)
    await _finish(session, event, now)
    if event.status == "published":
        await tell_guests_of_change(session, event, before)
        await offer_what_is_free(session, event, offer_for=offer_for)
    return event


def _values(change: EventUpdate, event: Event) -> dict[str, Any]:
    """The fields to set, checked together with those that stay. Raises InvalidRequest."""
    values = change.model_dump(exclude_unset=True)
    nullable = {"sales_start", "sales_end", "cancellation_deadline"}
    empty = [name for name, value in values.items() if value is None and name not in nullable]
    if empty:
        raise InvalidRequest(errors=[{"field": n, "message": "It cannot be null."} for n in empty])
    values = {name: value for name, value in values.items() if name not in SEATING_FIELDS}
    times = ("starts_at", "ends_at", "sales_start", "sales_end", "cancellation_deadline")
    kept = {name: getattr(event, name) for name in times}
    # A process of the release before may have moved the end alone.
    if kept["cancellation_deadline"] and kept["cancellation_deadline"] > event.ends_at:
        kept["cancellation_deadline"] = event.ends_at
    try:
        check_times(*(values.get(name, kept[name]) for name in times))
    except ValueError as error:
        raise InvalidRequest.field(str(error).split()[0], str(error)) from None
    return values


async def _change_seating(
    session: AsyncSession, event: Event, change: EventUpdate, max_draft_seats: int
) -> bool:
    """Whether any seat or section is another now."""
    if change.capacity is not None and event.seating != "general":
        raise InvalidRequest.field("capacity", "Seating is assigned: send sections instead.")
    if change.sections is not None and event.seating != "assigned":
        raise InvalidRequest.field("sections", "Seating is general: send capacity instead.")
    capacity = count_seats(change.sections) if change.sections is not None else change.capacity
    if capacity is None:
        return False
    if event.status == "draft" and capacity > event.capacity:
        await lock_drafts(session, event.organizer_id)
        more = capacity - event.capacity
        await refuse_too_many_draft_seats(
            session, event.organizer_id, limit=max_draft_seats, more=more
        )
    if change.sections is not None:
        return await seating.change_sections(session, event, change.sections)
    was = event.capacity
    await seating.change_capacity(session, event, capacity)
    return capacity != was


async def publish_event(
    session: AsyncSession, event_id: UUID, *, by: Person, now: datetime
) -> Event:
    """Raises EventCancelled, and InvalidRequest for an event that has ended."""
    event = await lock_event(session, event_id, owner=owner_for(by))
    await refuse_erased(session, by.user_id)
    if event.status == "cancelled":
        raise EventCancelled
    if event.status == "draft":
        _refuse_ended(event.ends_at, now)
        event.status = "published"
        await _finish(session, event, now)
    return event


async def cancel_event(
    session: AsyncSession, event_id: UUID, *, by: Person, reason: str | None, now: datetime
) -> Event:
    """Cancels every booking with it, and tells each guest once. Raises InvalidRequest for an event
    that has ended."""
    event = await lock_event(session, event_id, owner=owner_for(by))
    await refuse_erased(session, by.user_id)
    if event.status != "cancelled":
        refuse_to_cancel_the_past(event, now)
        await _call_off(session, event, reason, now)
    return event


async def cancel_for_erased(
    session: AsyncSession, event_id: UUID, *, organizer_id: UUID, now: datetime
) -> None:
    """The same, where the organizer's account was erased; nothing if it has ended or was cancelled."""
    event = await lock_event(session, event_id, owner=organizer_id)
    if event.status == "published" and event.ends_at > now:
        await _call_off(session, event, ORGANIZER_ERASED, now)


async def _call_off(session: AsyncSession, event: Event, reason: str | None, now: datetime) -> None:
    event.status = "cancelled"
    event.cancel_reason = reason
    await _finish(session, event, now)
    await cancel_bookings_of_event(session, event, now=now)


async def delete_event(session: AsyncSession, event_id: UUID, *, by: UUID) -> None:
    event = await lock_event(session, event_id, owner=by)
    if event.status != "draft":
        raise EventHasBookings
    await session.delete(event)
    await touch_event(session, event.id)


def _refuse_ended(ends_at: datetime, now: datetime) -> None:
    if ends_at <= now:
        raise InvalidRequest.field("ends_at", "It must be in the future: the event would be over.")


async def _finish(session: AsyncSession, event: Event, now: datetime) -> None:
    event.version += 1
    event.updated_at = now
    await session.flush()
    await touch_event(session, event.id)
