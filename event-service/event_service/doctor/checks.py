"""The checks of this service, those about seats first."""

from collections.abc import Sequence
from datetime import timedelta

from event_service.doctor import repairs
from event_service.doctor.sql import statements
from event_service.models import OutboxMessage
from event_service.settings import Settings
from service_kit.doctor import Check, repeated, rows_of
from service_kit.doctor.common import INDEXES, LATE, outbox_checks
from service_kit.web.erasures import kept_for

# What the relay does every second or so.
OVERDUE = timedelta(minutes=10)
# An organizer's message to 30,000 guests takes minutes.
UNWRITTEN_TOO_LONG = timedelta(hours=1)

NEEDS_RELAY = "Does the relay run?"


def make_checks(settings: Settings) -> Sequence[Check]:
    return (
        *_seat_checks(),
        *_booking_checks(settings),
        *outbox_checks(OutboxMessage),
        *_growth_checks(settings),
        INDEXES,
    )


def _seat_checks() -> Sequence[Check]:
    return (
        Check(
            "bookings that do not have all their seats",
            rows_of(statements.find_bookings_without_seats),
            "Compare their tickets with the seats: only a person can say who gets another seat.",
        ),
        Check(
            "seats of bookings that have ended, which nobody can book",
            rows_of(statements.find_seats_of_ended_bookings),
            "",
            repeated(statements.mend_seats_of_ended_bookings),
        ),
        Check(
            "seats that become free at another time than their booking ends",
            rows_of(statements.find_seats_with_another_end),
            "",
            repeated(statements.mend_seats_with_another_end),
        ),
        Check(
            "events that show another number of held or booked seats than their bookings have",
            rows_of(statements.find_wrong_counts),
            "",
            repeated(statements.mend_counts),
        ),
        Check(
            "people whose limit counts another number of seats than they have",
            rows_of(statements.find_wrong_allowances),
            "",
            repeated(statements.add_allowances, statements.mend_allowances),
        ),
    )


def _booking_checks(settings: Settings) -> Sequence[Check]:
    return (
        Check(
            "confirmed bookings without a message to the guest",
            repairs.find_bookings_without_message,
            "",
            repairs.write_missing_messages,
        ),
        Check(
            f"holds that ended more than {OVERDUE.seconds // 60} minutes ago and keep their seats",
            rows_of(statements.find_unswept_holds, older_than=OVERDUE),
            NEEDS_RELAY,
            repairs.expire_holds(settings),
        ),
        Check(
            "waitlist entries whose offer has ended",
            rows_of(statements.find_ended_offers),
            "",
            repeated(statements.mend_ended_offers),
        ),
        Check(
            "past events for which somebody waits",
            rows_of(statements.find_waitlists_of_past_events, older_than=OVERDUE),
            NEEDS_RELAY,
            repairs.end_waitlists,
        ),
        Check(
            "erased accounts of which something is left",
            rows_of(statements.find_erased_accounts, older_than=OVERDUE),
            NEEDS_RELAY,
            repairs.finish_erasures(settings),
        ),
        Check(
            "messages of organizers that not all guests have got",
            rows_of(statements.find_unwritten_organizer_messages, older_than=UNWRITTEN_TOO_LONG),
            "Does the relay run? Its log says what fails (organizer_message.failed).",
        ),
    )


def _growth_checks(settings: Settings) -> Sequence[Check]:
    return (
        Check(
            "events whose counts are not summed up",
            rows_of(statements.find_unfolded_counts, older_than=OVERDUE),
            NEEDS_RELAY,
            repairs.fold_counts,
        ),
        Check(
            "changed pages of which the cache was not told",
            rows_of(statements.find_old_stale_tags, older_than=OVERDUE),
            "Does the relay run, and does Redis (cache) answer?",
        ),
        Check(
            "idempotency keys that should have been deleted",
            rows_of(
                statements.find_old_idempotency_keys,
                older_than=timedelta(hours=settings.idempotency_hours) + LATE,
            ),
            NEEDS_RELAY,
            repairs.forget_keys(settings),
        ),
        Check(
            "ids of erased accounts that should have been deleted",
            rows_of(statements.find_old_erasures, older_than=kept_for(settings) + LATE),
            NEEDS_RELAY,
            repairs.forget_erasures(settings),
        ),
    )
