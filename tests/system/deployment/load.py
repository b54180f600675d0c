"""Load on a deployed Parterre: people with accounts who look, book, confirm and cancel over TLS.

``python -m tests.system.deployment.load CONFIGURATION``, a JSON file of ``Configuration``. It says
``ready`` when everybody is signed in. At SIGUSR1 it lets what is under way end and writes ``result``:
the bookings that it was told of and the seats that the events count; then it goes on until SIGTERM.
"""

import asyncio
import json
import random
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.event_bodies import event_body
from tests.system.deployment.acts import act
from tests.system.deployment.clients import Json, Person, Target
from tests.system.deployment.mail_server import read_mails
from tests.system.deployment.records import Booking

# Trap: all on one event row, a deployment meets lock timeouts that are the service's own.
GENERAL_EVENTS, ASSIGNED_EVENTS = 9, 3
CAPACITY = 5000
ROWS, SEATS_IN_ROW = 40, 25
MAIL_SECONDS = 120.0
AT_ONCE = 3


@dataclass(frozen=True)
class Configuration:
    """``rate``: requests a second of all people together; ``mails``: the mail server's file;
    ``requests`` and ``result``: files that are written."""

    address: str
    name: str
    authority: str
    people: int
    rate: float
    mails: str
    requests: str
    result: str

    @property
    def target(self) -> Target:
        return Target(self.address, self.name, self.authority)


def _events() -> list[Json]:
    rows = [{"name": f"{number + 1}", "seats": SEATS_IN_ROW} for number in range(ROWS)]
    seatings: list[Json] = [{"kind": "general", "capacity": CAPACITY}] * GENERAL_EVENTS
    seatings += [
        {"kind": "assigned", "sections": [{"name": "Stalls", "rows": rows}]}
    ] * ASSIGNED_EVENTS
    return [
        event_body(title=f"Drill {number}", max_seats_per_user=1000, seating=seating)
        for number, seating in enumerate(seatings)
    ]


class Crowd:
    """``people`` do what guests do, each on a connection of their own, until ``stop``."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self.events: list[str] = []
        self.stop = asyncio.Event()
        self.notes = open(configuration.requests, "a", buffering=1)  # noqa: SIM115
        run = f"{time.time():.0f}"
        self.people = [
            Person(
                f"drill-{run}-{number}@example.com",
                configuration.target.client(),
                configuration.name,
            )
            for number in range(configuration.people)
        ]

    async def prepare(self) -> None:
        """Accounts with confirmed addresses, and events by the first of them."""
        places = asyncio.Semaphore(AT_ONCE)

        async def sign_up(person: Person) -> None:
            async with places:
                await person.register()
            token = await self._token(person.email)
            async with places:
                await person.must("POST", "/api/v1/auth/verify", 200, json={"token": token})
                await person.sign_in()

        await asyncio.gather(*map(sign_up, self.people))
        organizer = self.people[0]
        for body in _events():
            event = await organizer.must("POST", "/api/v1/events", 201, json=body)
            await organizer.must("POST", f"/api/v1/events/{event['id']}/publish", 200)
            self.events.append(event["id"])
        for person in self.people:
            person.notes = self.notes

    async def _token(self, recipient: str) -> str:
        deadline = time.monotonic() + MAIL_SECONDS
        while time.monotonic() < deadline:
            for mail in read_mails(Path(self.configuration.mails)):
                if mail.recipient == recipient and mail.token:
                    return mail.token
            await asyncio.sleep(0.3)
        raise SystemExit(f"no mail to {recipient} within {MAIL_SECONDS:g} s")

    async def run(self) -> None:
        """Until ``stop``; what is under way then is answered first."""
        await asyncio.gather(*map(self._live, self.people))

    async def _live(self, person: Person) -> None:
        pause = len(self.people) / self.configuration.rate
        # Not all at once.
        await self._sleep(random.uniform(0, pause))
        while not self.stop.is_set():
            began = time.monotonic()
            await act(person, random.choice(self.events))
            wait = random.uniform(0.5, 1.5) * pause - (time.monotonic() - began)
            await self._sleep(max(wait, 0.01))

    async def _sleep(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self.stop.wait(), seconds)
        except TimeoutError:
            pass

    async def take_stock(self) -> None:
        """Writes what was sold as clients and as events see it. Nobody may be at work."""
        bookings = [
            Booking(b["id"], b["event_id"], len(b["seats"]), b["status"])
            for person in self.people
            for b in person.bookings.values()
        ]
        sold: dict[str, int] = {}
        for event in self.events:
            path = f"/api/v1/events/{event}/availability"
            counts = await self.people[0].must("GET", path, 200)
            sold[event] = counts["booked"] + counts["held"]
        result = {"bookings": [asdict(booking) for booking in bookings], "sold": sold}
        file = Path(self.configuration.result)
        file.with_suffix(".new").write_text(json.dumps(result))
        file.with_suffix(".new").rename(file)

    async def close(self) -> None:
        for person in self.people:
            await person.http.aclose()
        self.notes.close()


async def main(arguments: Sequence[str]) -> None:
    configuration = Configuration(**json.loads(Path(arguments[0]).read_text()))
    crowd = Crowd(configuration)
    ended = asyncio.Event()

    def end() -> None:
        ended.set()
        crowd.stop.set()

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, crowd.stop.set)
    loop.add_signal_handler(signal.SIGTERM, end)
    await crowd.prepare()
    print("ready", flush=True)
    await crowd.run()
    if not ended.is_set():
        await crowd.take_stock()
        crowd.stop.clear()
        await crowd.run()
    await crowd.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
