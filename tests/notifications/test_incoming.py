"""What comes over the queue may be anything; none of it may stop what comes after it."""

from datetime import UTC
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notification_service.kinds.registry import KINDS, MalformedPayload, read_payload
from notification_service.messages.incoming import UnreadableMessage, read_message
from notification_service.previews.samples import sample_data
from service_kit.ids import new_id
from tests.notifications.conftest import WorkerForTests
from tests.notifications.messages import make_message

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)

MALFORMED: list[dict[str, Any]] = [
    {"kind": "surprise"},
    {"kind": None},
    {"kind": "x" * 500},
    {"user_id": None},
    {"user_id": "nobody"},
    {"dedup_key": None},
    {"dedup_key": ""},
    {"dedup_key": "x" * 500},
    {"dedup_key": "nul\x00"},
    {"data": None},
    {"data": []},
    {"data": {}},
    {"data": {"event": {"title": "nul \x00"}}},
    {"data": {"event": {"title": "half \ud800"}}},
    {"data": {"quantity": float("nan")}},
    {"data": sample_data("booking-confirmed") | {"quantity": 0}},
    {"data": sample_data("booking-confirmed") | {"note": "x" * 600_000}},
    {"kind": "event-changed", "data": sample_data("event-changed") | {"changes": {"venue": "x"}}},
    {
        "kind": "event-changed",
        "data": sample_data("event-changed") | {"changes": {"starts_at": ["soon", "later"]}},
    },
]


@pytest.mark.parametrize("changed", MALFORMED)
async def test_a_malformed_message_fails_with_a_reason_and_blocks_nobody(
    mail_worker: WorkerForTests, sentry_errors: list[BaseException], changed: dict[str, Any]
) -> None:
    message, other = make_message() | changed, make_message()

    await mail_worker.receive(message)
    await mail_worker.receive(other)

    row = await mail_worker.row(message)
    assert (row.status, row.attempts) == ("failed", 0)
    assert row.last_error
    assert len(sentry_errors) == 1
    assert (await mail_worker.row(other)).status == "sent"


@pytest.mark.parametrize("message", [None, 1, "text", [], {}, {"id": 1}, {"id": "no id"}])
async def test_a_message_without_an_id_is_dropped_and_reported(
    mail_worker: WorkerForTests, sentry_errors: list[BaseException], message: object
) -> None:
    await mail_worker.receive(message)

    assert [type(error) for error in sentry_errors] == [UnreadableMessage]


@given(JSON)
def test_no_json_can_crash_the_parser(value: object) -> None:
    try:
        read_message(value)
    except UnreadableMessage:
        return


@given(st.dictionaries(st.sampled_from(list(make_message())), JSON))
def test_no_field_can_crash_the_parser(changed: dict[str, Any]) -> None:
    message = make_message() | changed | {"id": "0198c0de-0000-7000-8000-000000000000"}

    read = read_message(message)

    assert read.occurred_at.tzinfo is not None
    assert read.fault or read.user_id


def test_six_characters_that_look_like_an_escape_are_text() -> None:
    message = make_message()
    message["data"]["event"]["title"] = "How to write \\u0000"

    assert read_message(message).fault is None


@pytest.mark.parametrize("kind", KINDS)
def test_unknown_fields_are_ignored(kind: str) -> None:
    read_payload(kind, sample_data(kind) | {"news": {"a": [1]}})


def test_the_reason_quotes_nothing() -> None:
    data = sample_data("booking-confirmed") | {"currency": "ada@guests.example"}

    with pytest.raises(MalformedPayload) as caught:
        read_payload("booking-confirmed", data)

    assert caught.value.reason == "The message lacks or mistakes: currency."


def test_several_bookings_are_about_no_single_one() -> None:
    one = make_message("event-cancelled")
    two = make_message("event-cancelled")
    two["data"]["booking_ids"] *= 2

    assert read_message(one).booking_id == UUID(one["data"]["booking_ids"][0])
    assert read_message(two).booking_id is None


@pytest.mark.parametrize("time", [None, 5, "yesterday", "2026-01-01T00:00:00"])
def test_a_time_that_is_none_is_now(time: object) -> None:
    assert read_message(make_message(occurred_at=time)).occurred_at.tzinfo is UTC


LAST_MOMENT, FIRST_MOMENT = "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59"


@pytest.mark.parametrize("time", [FIRST_MOMENT, LAST_MOMENT, "2027-01-20T18:30:00+23:00"])
async def test_a_time_that_postgresql_does_not_take_spoils_no_batch(
    mail_worker: WorkerForTests, time: str
) -> None:
    message, other = make_message(occurred_at=time), make_message()

    await mail_worker.receive(message, other)

    assert {(await mail_worker.row(one)).status for one in (message, other)} == {"sent"}


OVERFLOWS = [
    ("booking-confirmed", {"ends_at": LAST_MOMENT}),
    ("booking-confirmed", {"starts_at": FIRST_MOMENT}),
    ("event-cancelled", {"cancellation_deadline": LAST_MOMENT}),
    ("event-cancelled", {"version": 10**30}),
    ("organizer-message", {"version": 2**31}),
]


@pytest.mark.parametrize(("kind", "changed"), OVERFLOWS)
async def test_a_snapshot_that_overflows_fails_alone(
    mail_worker: WorkerForTests, kind: str, changed: dict[str, Any]
) -> None:
    event_id = str(new_id())
    event = sample_data(kind)["event"]
    malformed = make_message(kind, data={"event_id": event_id, "event": event | changed}, version=5)
    other, later = make_message(), make_message(kind, data={"event_id": event_id}, version=3)

    await mail_worker.receive(malformed, other)
    await mail_worker.receive(later)

    row = await mail_worker.row(malformed)
    assert (row.status, row.attempts) == ("failed", 0)
    assert {(await mail_worker.row(one)).status for one in (other, later)} == {"sent"}


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        ("booking-confirmed", {"total": 10**40}),
        ("booking-confirmed", {"quantity": 10**40}),
        ("hold-expired", {"expires_at": LAST_MOMENT}),
        ("waitlist-offer", {"expires_at": LAST_MOMENT}),
        ("waitlist-offer", {"quantity": 10**40}),
        ("event-changed", {"changes": {"starts_at": [FIRST_MOMENT, "2027-01-20T18:30:00Z"]}}),
    ],
)
def test_a_number_or_time_that_no_mail_can_show_is_malformed(
    kind: str, changed: dict[str, Any]
) -> None:
    with pytest.raises(MalformedPayload):
        read_payload(kind, sample_data(kind) | changed)
