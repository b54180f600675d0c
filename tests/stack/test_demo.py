"""The demo against services that are played: what it sends is checked by event-service's schemas."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import httpx
import pytest
import respx

from auth_service.accounts.passwords import weakness
from event_service.events.schemas import EventCreate
from stack import demo
from stack.demo import ACCOUNTS, ADMIN, BOOKINGS, GUEST, ORGANIZER, PASSWORD, Account
from stack.demo_events import EVENTS, DemoEvent
from stack.errors import StackError
from tests.stack.played_services import Services

ADDRESSES = demo.Addresses(
    auth="http://auth.test", event="http://event.test", mailbox="http://mailbox.test"
)


@dataclass
class Run:
    services: Services
    said: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        """No time passes but by sleeping."""
        return sum(self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def promote(self, arguments: list[str]) -> None:
        command, address = arguments
        assert command == "promote"
        self.services.accounts[address]["is_superuser"] = True

    def fill(self) -> list[Account]:
        return demo.fill(ADDRESSES, self.promote, self.said.append)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    services = Services()
    run = Run(services)
    monkeypatch.setattr(demo, "time", run)
    with respx.mock(assert_all_called=False) as router:
        router.route().mock(side_effect=services.answer)
        yield run


def test_an_empty_system_gets_accounts_events_and_bookings(run: Run) -> None:
    assert run.fill() == list(ACCOUNTS)

    services = run.services
    assert set(services.accounts) == {account.email for account in ACCOUNTS}
    assert all(account["is_verified"] for account in services.accounts.values())
    superusers = {name for name, one in services.accounts.items() if one["is_superuser"]}
    assert superusers == {ADMIN.email}
    assert services.accounts[GUEST.email]["locale"] == "ru"
    assert [event["title"] for event in services.events] == [event.title for event in EVENTS]
    drafts = {event["title"] for event in services.events if event["status"] == "draft"}
    assert drafts == {event.title for event in EVENTS if not event.is_published}
    assert {event["organizer"] for event in services.events} == {ORGANIZER.email}
    assert {booking["guest"] for booking in services.bookings} == {GUEST.email}
    assert len(services.bookings) == len(BOOKINGS)
    assert run.said == [f"Added 3 accounts, {len(EVENTS)} events and {len(BOOKINGS)} bookings."]


def test_a_second_run_adds_nothing_with_few_requests(run: Run) -> None:
    run.fill()
    before = json.dumps([run.services.events, run.services.bookings, run.services.accounts])
    run.services.requests.clear()
    run.said.clear()

    assert run.fill() == list(ACCOUNTS)

    assert json.dumps([run.services.events, run.services.bookings, run.services.accounts]) == before
    assert run.said == []
    assert len(run.services.requests) < 15
    assert {one for one in run.services.requests if one.startswith("POST")} == {
        "POST /auth/register",
        "POST /auth/login",
    }


def test_what_an_interrupted_run_left_out_is_added(run: Run) -> None:
    run.fill()
    services = run.services
    services.mails.clear()
    for account in services.accounts.values():
        account |= {"is_verified": False, "is_superuser": False}
    services.events[2]["status"] = "draft"
    missing = services.events.pop()["title"]
    services.bookings.pop()

    run.fill()

    assert all(account["is_verified"] for account in services.accounts.values())
    assert services.accounts[ADMIN.email]["is_superuser"]
    assert services.events[2]["status"] == "published"
    assert services.events[-1]["title"] == missing
    assert len(services.events) == len(EVENTS)
    assert len(services.bookings) == len(BOOKINGS)


def test_a_cancelled_event_stays_cancelled_and_is_not_booked(run: Run) -> None:
    run.fill()
    title = next(iter(BOOKINGS))
    (event,) = (one for one in run.services.events if one["title"] == title)
    event["status"] = "cancelled"
    run.services.bookings.clear()

    run.fill()

    assert event["status"] == "cancelled"
    assert len(run.services.bookings) == len(BOOKINGS) - 1


def test_the_seats_of_an_assigned_event_are_chosen_side_by_side(run: Run) -> None:
    run.fill()

    events = {event["id"]: event for event in run.services.events}
    chosen = [one for one in run.services.bookings if "seat_ids" in one]
    assert chosen
    for booking in run.services.bookings:
        title = events[booking["event_id"]]["title"]
        is_assigned = events[booking["event_id"]]["seating"] == "assigned"
        assert ("seat_ids" in booking) == is_assigned
        assert BOOKINGS[title] == (len(booking["seat_ids"]) if is_assigned else booking["quantity"])


@pytest.mark.parametrize(
    ("states", "number", "seats"),
    [
        ("fffff", 1, [2]),
        ("ffffff", 2, [2, 3]),
        ("ffbff", 2, [0, 1]),
        ("ffbhf", 2, [0, 1]),
        ("bfbfb", 2, []),
        ("f", 2, []),
        ("bb/fff", 3, [10, 11, 12]),
    ],
)
def test_seats_together_are_free_and_near_the_middle(
    states: str, number: int, seats: list[int]
) -> None:
    state = {"f": "free", "b": "booked", "h": "held"}
    rows = [
        {"seats": [{"id": str(r * 10 + n), "state": state[s]} for n, s in enumerate(row)]}
        for r, row in enumerate(states.split("/"))
    ]

    found = demo.seats_together({"sections": [{"rows": rows}]}, number)

    assert found == [str(seat) for seat in seats]


def test_a_mail_that_comes_late_is_waited_for(run: Run) -> None:
    run.services.polls_until_mail = 5

    run.fill()

    assert run.services.accounts[ORGANIZER.email]["is_verified"]
    assert run.slept == [demo.POLL_SECONDS] * 5


def test_mails_with_void_tokens_are_passed_over(run: Run) -> None:
    for account in ACCOUNTS:
        run.services.mails.append((account.email, "void"))
    original = run.services.register

    def register(request: httpx.Request) -> httpx.Response:
        answer = original(request)
        address, token = run.services.mails.pop()
        run.services.mails.insert(0, (address, token))
        return answer

    run.services.register = register  # type: ignore[method-assign]

    assert run.fill() == list(ACCOUNTS)
    assert all(account["is_verified"] for account in run.services.accounts.values())


def test_a_mail_that_never_comes_is_told_in_one_line(run: Run) -> None:
    run.services.polls_until_mail = 1_000_000

    with pytest.raises(StackError, match=ORGANIZER.email) as raised:
        run.fill()

    assert "\n" not in str(raised.value)
    assert demo.MAIL_SECONDS <= run.monotonic() < demo.MAIL_SECONDS + 1


def test_somebodys_changed_password_is_respected(run: Run) -> None:
    run.fill()
    run.services.bookings.clear()
    run.services.accounts[GUEST.email]["password"] = "another"
    run.said.clear()

    assert run.fill() == [ORGANIZER, ADMIN]

    assert run.said == [f"{GUEST.email} has another password by now; it is left as it is."]
    assert run.services.bookings == []


def refuse(run: Run, times: int, answer: httpx.Response) -> None:
    """The first bookings are answered so."""
    original, left = run.services.book, [answer] * times

    def book(request: httpx.Request) -> httpx.Response:
        return left.pop() if left else original(request)

    run.services.book = book  # type: ignore[method-assign]


def test_a_rate_limit_is_waited_for_as_long_as_it_says(run: Run) -> None:
    refuse(run, 2, httpx.Response(429, headers={"Retry-After": "7"}))

    run.fill()

    assert run.slept == [7, 7]
    assert len(run.services.bookings) == len(BOOKINGS)
    assert any("7 s" in line for line in run.said)


def test_a_rate_limit_of_an_hour_is_not_waited_for(run: Run) -> None:
    refuse(run, 1, httpx.Response(429, headers={"Retry-After": "3600"}))

    with pytest.raises(StackError, match="3600 s"):
        run.fill()

    assert run.slept == []


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (httpx.Response(500, text="<html>"), "500."),
        (
            httpx.Response(
                422,
                json={"detail": "Not so.", "errors": [{"field": "quantity", "message": "is bad"}]},
                headers={"Content-Type": "application/problem+json"},
            ),
            "422: Not so.; quantity: is bad",
        ),
    ],
)
def test_a_refusal_is_told_in_one_line(run: Run, answer: httpx.Response, words: str) -> None:
    refuse(run, 1, answer)

    with pytest.raises(StackError) as raised:
        run.fill()

    assert str(raised.value) == f"Demo: POST http://event.test/api/v1/bookings answered {words}"


def test_a_service_that_is_away_is_told_in_one_line(run: Run) -> None:
    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("Connection refused", request=request)

    run.services.login = away  # type: ignore[method-assign]

    with pytest.raises(StackError, match=r"^Demo: POST http://auth\S+ Connection refused$"):
        run.fill()


def test_a_failing_command_is_told_in_one_line(run: Run) -> None:
    def fail(_: list[str]) -> None:
        raise subprocess.CalledProcessError(1, ["promote"])

    with pytest.raises(StackError, match="promote") as raised:
        demo.fill(ADDRESSES, fail, run.said.append)

    assert "\n" not in str(raised.value)


def test_an_answer_of_another_form_is_told_in_one_line(run: Run) -> None:
    def login(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={})

    run.services.login = login  # type: ignore[method-assign]

    with pytest.raises(StackError, match="access_token"):
        run.fill()


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.title)
def test_an_event_starts_ahead_at_its_hour_in_its_own_zone(event: DemoEvent) -> None:
    body = EventCreate.model_validate(demo.request_body(event))

    starts_at = body.starts_at.astimezone(ZoneInfo(event.timezone))
    ahead = body.starts_at - datetime.now(UTC)
    assert body.timezone == event.timezone
    assert (starts_at.hour, starts_at.minute) == (event.hour, 0)
    assert timedelta(days=1) < ahead < timedelta(days=200)
    assert body.ends_at > body.starts_at


def test_the_events_are_varied() -> None:
    assert len({event.title for event in EVENTS}) == len(EVENTS) >= 12
    assert len({event.timezone for event in EVENTS}) >= 5
    assert {"EUR", "RUB", "GBP"} <= {event.currency for event in EVENTS}
    assert {event.seating["kind"] for event in EVENTS} == {"general", "assigned"}
    assert any(event.price == 0 for event in EVENTS)
    assert sum(not event.is_published for event in EVENTS) == 1
    published = {event.title for event in EVENTS if event.is_published}
    assert set(BOOKINGS) <= published


def test_the_password_is_one_that_auth_service_takes() -> None:
    assert [weakness(PASSWORD, account.email) for account in ACCOUNTS] == [None] * len(ACCOUNTS)
    assert weakness("organizer-1", ORGANIZER.email)
