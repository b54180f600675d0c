"""Each thing that event-service does moves its metric, and nothing else is shown than what is described."""

import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from event_service.metrics import HOLDS_CONFIRMED
from service_kit.database.engine import Database, TryAgain
from service_kit.metrics import count
from tests.events.conftest import Publish, User
from tests.events.test_checkin import code_of
from tests.events.test_doors import MakePhone, phone, scan
from tests.events.test_erasures import auth_service, erase
from tests.events.waitlist import SoldOut, cancel, join, let_lapse, sweep
from tests.metrics import bad_names, differences, documented, families, moved

__all__ = ["auth_service", "phone"]

SECTIONS = ("Of every process", "Of each service's API", "event-service")


@dataclasses.dataclass
class Watch:
    """Reads the metrics; ``moved`` since the last look."""

    browser: httpx.AsyncClient
    last: str = ""

    async def read(self) -> str:
        return (await self.browser.get("/metrics")).text

    async def moved(self) -> dict[str, float]:
        before, self.last = self.last, await self.read()
        return moved(before, self.last)


@pytest.fixture
async def watch(browser: httpx.AsyncClient) -> Watch:
    watch = Watch(browser)
    await watch.moved()
    return watch


async def test_what_is_shown_is_described_and_named_by_the_rules(
    watch: Watch, guest: User, published: Publish
) -> None:
    await guest.book(await published())
    await guest.get("/events/nobody@example.com")
    await watch.browser.request("CONFOUND", "/nobody@example.com")
    shown = families(await watch.read())
    assert bad_names(shown) == []
    assert differences(shown, documented(*SECTIONS)) == []


async def test_control_a_bad_one_is_found(watch: Watch) -> None:
    text = '# HELP seats Seats.\n# TYPE seats gauge\nseats{person="ann@example.com"} 1.0\n'
    shown = families(text)
    assert bad_names(shown) == [
        "seats: not words in small letters",
        "seats: no unit",
        "seats: label value ann@example.com",
    ]
    assert "seats: not described" in differences(shown, documented(*SECTIONS))


async def test_bookings_and_holds(
    watch: Watch, app: FastAPI, user: Callable[..., User], published: Publish
) -> None:
    event = await published(capacity=5)
    guest = user()
    # What other tests have left.
    await sweep(app)
    await watch.moved()
    for _ in range(2):
        assert (await guest.book(event, 2, key="once-and-again")).status_code == 201
    found = await watch.moved()
    assert found["booking_requests_total{confirmed,}"] == 1
    assert found["booking_seats_total{confirmed,}"] == 2
    assert found["booking_requests_total{replayed,}"] == 1
    assert found["booking_batch_requests_count"] == 2
    assert found["database_transaction_seconds_count{committed}"] >= 1

    first, second = [(await user().book(event, 1, hold=True)).json() for _ in range(2)]
    assert (await user().book(event, 2)).status_code == 409
    found = await watch.moved()
    assert found["booking_requests_total{held,}"] == 2
    assert found["holds_begun_total{guest}"] == 2
    assert found["booking_requests_total{refused,sold-out}"] == 1
    assert found["booking_seats_total{refused,sold-out}"] == 2

    await let_lapse(app, second["id"])
    await sweep(app)
    found = await watch.moved()
    assert found["holds_expired_total"] == 1
    assert "holds_confirmed_total" not in found
    assert first["status"] == "held"


async def test_a_hold_that_is_confirmed(watch: Watch, guest: User, published: Publish) -> None:
    held = (await guest.book(await published(), hold=True)).json()
    for _ in range(2):
        assert (await guest.post(f"/bookings/{held['id']}/confirm")).status_code == 200
    # Once: the second changes nothing.
    assert (await watch.moved())["holds_confirmed_total"] == 1


async def test_holds_that_are_cancelled(
    watch: Watch,
    app: FastAPI,
    auth_service: httpx.AsyncClient,
    organizer: User,
    user: Callable[..., User],
    published: Publish,
) -> None:
    event = await published()
    given_up, erased, *others = [user() for _ in range(4)]
    held = (await given_up.book(event, 2, hold=True)).json()
    for someone in (erased, *others):
        assert (await someone.book(event, hold=True)).status_code == 201
    booking = (await user().book(event)).json()
    assert booking["status"] == "confirmed"
    await watch.moved()

    for _ in range(2):
        await cancel(given_up, held)
    # Once: the second changes nothing.
    assert cancelled(await watch.moved()) == {"given-up": 1}
    await erase(auth_service, erased)
    assert cancelled(await watch.moved()) == {"account-erased": 1}
    assert (await organizer.post(f"/events/{event['id']}/cancel", {})).status_code == 200
    assert cancelled(await watch.moved()) == {"event-cancelled": 2}


async def test_a_booking_that_is_cancelled_is_no_hold(
    watch: Watch, guest: User, published: Publish
) -> None:
    booking = (await guest.book(await published())).json()
    await cancel(guest, booking)
    assert cancelled(await watch.moved()) == {}


def cancelled(found: dict[str, float]) -> dict[str, float]:
    name = "holds_cancelled_total"
    return {k[len(name) + 1 : -1]: v for k, v in found.items() if k.startswith(name)}


async def test_the_waitlist(watch: Watch, sold_out: SoldOut, user: Callable[..., User]) -> None:
    event, holder, booking = sold_out
    await join(user(), event, 3)
    await watch.moved()
    await cancel(holder, booking)
    found = await watch.moved()
    assert found["holds_begun_total{waitlist}"] == 1
    assert found["waitlist_offered_seats_total"] == 3


async def test_check_ins(
    watch: Watch, guest: User, organizer: User, published: Publish, phone: MakePhone
) -> None:
    event = await published()
    booking = (await guest.book(event, 2)).json()
    url = f"/events/{event['id']}/check-ins"
    for code in (code_of(booking), code_of(booking), "AAAA-AAAA-AAAA-AAAA"):
        await organizer.post(url, {"ticket_code": code})
    found = await watch.moved()
    for result in ("checked-in", "already-checked-in", "unknown-ticket"):
        assert found[f"check_ins_total{{desk,{result}}}"] == 1

    door = await phone(event)
    scans = [
        {"id": f"0198c0de-0000-7000-8000-00000000000{number}", "ticket_code": code}
        for number, code in enumerate((code_of(booking, 1), code_of(booking), "AAAAAAAAAAAAAAAA"))
    ]
    await door.scan(*scans)
    # Sent again because its answer got lost, a scan counts once.
    await door.scan(scans[0])
    found = await watch.moved()
    for result in ("checked-in", "already-checked-in", "unknown-ticket"):
        assert found[f"check_ins_total{{door,{result}}}"] == 1


async def test_a_scan_that_is_begun_again_counts_once(
    watch: Watch,
    guest: User,
    published: Publish,
    phone: MakePhone,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    event = await published()
    booking = (await guest.book(event, 1)).json()
    door = await phone(event)
    run = Database.run

    async def run_twice(database: Database, work: Callable[[Any], Awaitable[Any]]) -> Any:
        attempts = []

        async def lose_once(session: Any) -> Any:
            result = await work(session)
            attempts.append(result)
            if len(attempts) == 1:
                raise TryAgain
            return result

        return await run(database, lose_once)

    monkeypatch.setattr(Database, "run", run_twice)
    await watch.moved()
    await door.scan(*(scan(code) for code in (code_of(booking), code_of(booking), "A" * 16)))
    found = await watch.moved()
    for result in ("checked-in", "already-checked-in", "unknown-ticket"):
        assert found[f"check_ins_total{{door,{result}}}"] == 1


async def test_the_cache(watch: Watch, guest: User, published: Publish) -> None:
    event = await published()
    await watch.moved()
    for _ in range(2):
        assert (await guest.get(f"/events/{event['id']}")).status_code == 200
    found = await watch.moved()
    assert found["page_cache_reads_total{nowhere}"] >= 1
    assert found["page_cache_reads_total{process}"] >= 1


async def test_what_rolls_back_or_is_begun_again_counts_once(watch: Watch, app: FastAPI) -> None:
    attempts = []

    async def work(session: Any) -> None:
        count(HOLDS_CONFIRMED)
        attempts.append(session)
        if len(attempts) < 3:
            raise TryAgain

    await app.state.database.run(work)
    found = await watch.moved()
    assert found["holds_confirmed_total"] == 1
    assert found["database_transaction_retries_total{race}"] == 2
    assert found["database_transaction_seconds_count{rolled-back}"] == 2
