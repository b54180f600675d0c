"""Writing events. A change locks the event; bookings take a weaker lock, which conflicts with it."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.bookings.cancel import cancel_bookings_of_event
from event_service.bookings.offers import lock_waitlist_and_offer_seats
from event_service.cache import touch_event
from event_service.erased_users import refuse_erased
from event_service.events import seating
from event_service.events.administration import log_superuser
from event_service.events.drafts import check_draft_seats, count_draft_seats, lock_drafts
from event_service.events.messages import (
    ORGANIZER_ERASED,
    add_cancellation_messages,
    add_change_messages,
)
from event_service.events.past_events import check_may_cancel, check_may_change
from event_service.events.plans import AssignedSeating, count_blocked_seats, count_seats
from event_service.events.queries import lock_event, required_owner
from event_service.events.schemas import (
    TIMES,
    EventCreate,
    EventUpdate,
    are_doors_in_time,
    check_times,
)
from event_service.models import Event
from event_service.problems import EventCancelled, EventHasBookings
from event_service.rules import BESIDE_TERMS, event_may_become, is_active, terms_since
from event_service.statuses import EventStatus, SeatingKind
from service_kit.database.bulk_inserts import ALLOW_LONG_STATEMENTS
from service_kit.database.engine import sql_connection
from service_kit.problems import InvalidRequest, VersionMismatch
from service_kit.web.tokens import Person

SEATING_FIELDS = frozenset({"capacity", "sections"})


async def create_event(
    session: AsyncSession, new: EventCreate, *, by: UUID, now: datetime, max_draft_seats: int
) -> Event:
    """Raises InvalidRequest for an event that has ended, TooManyDraftSeats."""
    plan = new.seating
    _check_not_ended(new.ends_at, now)
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
    blocked = count_blocked_seats(plan.sections) if isinstance(plan, AssignedSeating) else 0
    await check_draft_seats(session, by, limit=max_draft_seats, more=blocked)
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
    TooManyDraftSeats, InvalidRequest. New seats are offered to the waitlist. A request that changes
    nothing does not raise the version.
    """
    event = await lock_event(session, event_id, owner=required_owner(by))
    await refuse_erased(session, by.user_id)
    if version is not None and version != event.version:
        raise VersionMismatch(f"It is at version {event.version} now.", version=event.version)
    if event.status == EventStatus.CANCELLED:
        raise EventCancelled
    values = validate_changes(change, event)
    before = {name: getattr(event, name) for name in values}
    has_other_seats = await _change_seating(session, event, change, max_draft_seats)
    changed = [name for name, value in values.items() if value != before[name]]
    if has_other_seats:
        changed += sorted(SEATING_FIELDS & change.model_fields_set)
    if not changed:
        return event
    await check_may_change(session, event, changed, values.get("ends_at"), now)
    for name, value in values.items():
        setattr(event, name, value)
    await _save_new_version(session, event, now, keeps_terms=BESIDE_TERMS.issuperset(changed))
    log_superuser("changed", event, by)
    if event.status == EventStatus.PUBLISHED:
        await add_change_messages(session, event, before)
        connection = await sql_connection(session)
        await lock_waitlist_and_offer_seats(connection, event, offer_for=offer_for)
    return event


def validate_changes(change: EventUpdate, event: Event) -> dict[str, Any]:
    """The fields to set, validated together with those that stay. Raises InvalidRequest."""
    values = change.model_dump(exclude_unset=True)
    empty = [name for name in sorted(SEATING_FIELDS & values.keys()) if values[name] is None]
    if empty:
        raise InvalidRequest(errors=[{"field": n, "message": "It cannot be null."} for n in empty])
    values = {name: value for name, value in values.items() if name not in SEATING_FIELDS}
    present = {name: getattr(event, name) for name in TIMES}
    # A process of the previous release may have changed ``ends_at`` alone.
    if present["cancellation_deadline"] and present["cancellation_deadline"] > event.ends_at:
        present["cancellation_deadline"] = event.ends_at
    # It may have changed ``starts_at`` alone as well; whoever moves the start now has to say the doors.
    if event.doors_at and not are_doors_in_time(event.doors_at, event.starts_at):
        present["doors_at"] = None
    try:
        check_times({name: values.get(name, present[name]) for name in TIMES})
    except ValueError as error:
        raise InvalidRequest.field(str(error).split()[0], str(error)) from None
    return values


async def _change_seating(
    session: AsyncSession, event: Event, change: EventUpdate, max_draft_seats: int
) -> bool:
    """Returns whether any seat or section has changed."""
    if change.capacity is not None and event.seating != SeatingKind.GENERAL:
        raise InvalidRequest.field("capacity", "Seating is assigned: send sections instead.")
    if change.sections is not None and event.seating != SeatingKind.ASSIGNED:
        raise InvalidRequest.field("sections", "Seating is general: send capacity instead.")
    capacity = count_seats(change.sections) if change.sections is not None else change.capacity
    if capacity is None:
        return False
    if event.status == EventStatus.DRAFT:
        blocked = count_blocked_seats(change.sections or [])
        more = capacity + blocked - await count_draft_seats(session, event)
        if more > 0:
            await lock_drafts(session, event.organizer_id)
            await check_draft_seats(session, event.organizer_id, limit=max_draft_seats, more=more)
    if change.sections is not None:
        return await seating.change_sections(session, event, change.sections)
    former = event.capacity
    await seating.change_capacity(session, event, capacity)
    return capacity != former


async def publish_event(
    session: AsyncSession, event_id: UUID, *, by: Person, now: datetime
) -> Event:
    """Raises EventCancelled, and InvalidRequest for an event that has ended."""
    event = await lock_event(session, event_id, owner=required_owner(by))
    await refuse_erased(session, by.user_id)
    if event.status == EventStatus.CANCELLED:
        raise EventCancelled
    if event_may_become(event.status, EventStatus.PUBLISHED):
        _check_not_ended(event.ends_at, now)
        event.status = EventStatus.PUBLISHED
        await _save_new_version(session, event, now)
        log_superuser("published", event, by)
    return event


async def cancel_event(
    session: AsyncSession, event_id: UUID, *, by: Person, reason: str | None, now: datetime
) -> Event:
    """Cancels the event with all its bookings, with one message to each guest. Raises InvalidRequest for an
    event that has ended."""
    event = await lock_event(session, event_id, owner=required_owner(by))
    await refuse_erased(session, by.user_id)
    if event_may_become(event.status, EventStatus.CANCELLED):
        check_may_cancel(event, now)
        await _cancel_with_bookings(session, event, reason, now)
        log_superuser("cancelled", event, by)
    return event


async def cancel_for_erased_organizer(
    session: AsyncSession, event_id: UUID, *, organizer_id: UUID, now: datetime
) -> None:
    """Cancels an event whose organizer's account was erased; a draft or an ended event stays as it is."""
    event = await lock_event(session, event_id, owner=organizer_id)
    if is_active(event, now):
        await _cancel_with_bookings(session, event, ORGANIZER_ERASED, now)


async def _cancel_with_bookings(
    session: AsyncSession, event: Event, reason: str | None, now: datetime
) -> None:
    event.status = EventStatus.CANCELLED
    event.cancel_reason = reason
    await _save_new_version(session, event, now)
    await session.execute(ALLOW_LONG_STATEMENTS)
    # Before the bookings end. The event is locked, so that they cannot change meanwhile.
    await add_cancellation_messages(session, event)
    await cancel_bookings_of_event(session, event, now=now)


async def delete_event(session: AsyncSession, event_id: UUID, *, by: UUID) -> None:
    event = await lock_event(session, event_id, owner=by)
    if event.status != EventStatus.DRAFT:
        raise EventHasBookings
    await session.delete(event)
    await touch_event(session, event.id)


def _check_not_ended(ends_at: datetime, now: datetime) -> None:
    if ends_at <= now:
        raise InvalidRequest.field("ends_at", "It must be in the future: the event would be over.")


async def _save_new_version(
    session: AsyncSession, event: Event, now: datetime, *, keeps_terms: bool = False
) -> None:
    since = terms_since(event)
    event.version += 1
    event.terms_version = since if keeps_terms else event.version
    event.terms_checked_version = event.version
    event.updated_at = now
    await session.flush()
    await touch_event(session, event.id)
