"""From sign-up to the confirmation in the mailbox, through every process that a deployment has."""

import email
import email.policy
import json
import os
import re
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from stack.stack import ROOT, Stack
from tests.system.conftest import (
    PASSWORD,
    Mailbox,
    Person,
    SentryRecorder,
    flower_get,
    flower_tasks,
    publish,
    wait_until,
)

MakePerson = Callable[..., Person]


def parts(source: bytes) -> dict[str, str]:
    """Text and HTML of a mail, by type."""
    message = email.message_from_bytes(source, policy=email.policy.default)
    return {
        part.get_content_type(): str(part.get_content())
        for part in message.walk()
        if part.get_content_maintype() == "text" and not part.get_filename()
    }


def subject(source: bytes) -> str:
    return str(email.message_from_bytes(source, policy=email.policy.default)["Subject"])


def test_a_booking_reaches_the_guests_mailbox_within_two_seconds(
    organizer: Person, person: MakePerson, mailbox: Mailbox
) -> None:
    event = publish(organizer, title="Jazz am Abend")
    guest = person("guest")
    listed = guest.send("GET", "/events", 200, params={"q": "jazz"}).json()["items"]
    assert event["id"] in [found["id"] for found in listed]
    booked = guest.book(event, 2)
    accepted = time.monotonic()
    assert booked.status_code == 201
    mails = mailbox.wait_for(guest.email, 2)
    assert time.monotonic() - accepted < 2.0
    content = parts(mails[-1])
    assert "Jazz am Abend" in subject(mails[-1])
    assert {"text/plain", "text/html"} <= set(content)
    assert "Town hall" in content["text/plain"]
    own = guest.send("GET", "/notifications", 200).json()["items"]
    assert [(m["kind"], m["status"]) for m in own] == [
        ("booking-confirmed", "sent"),
        ("verify-email", "sent"),
    ]
    assert own[0]["booking_id"] == booked.json()["id"]
    stranger = person("stranger")
    assert stranger.send("GET", f"/notifications/{own[0]['id']}").status_code == 404


def test_a_request_is_known_by_one_id_in_every_log_and_in_its_mail(
    stack: Stack, organizer: Person, person: MakePerson, mailbox: Mailbox
) -> None:
    event = publish(organizer, title="Known by its number")
    guest = person("numbered")
    mailbox.wait_for(guest.email, 1)
    booked = guest.book(event, 2)
    request_id = booked.headers["x-request-id"]
    mail = mailbox.wait_for(guest.email, 2)[-1]
    assert email.message_from_bytes(mail)["X-Request-ID"] == request_id

    def traced() -> list[str]:
        done = subprocess.run(
            ["./scripts/trace", request_id], cwd=ROOT, capture_output=True, text=True, check=False,
            env={**os.environ, "PARTERRE_VAR": str(stack.var)},
        )  # fmt: skip
        return done.stdout.splitlines()

    # The worker writes its line when it has recorded what the mail server answered.
    sent = "mail booking-confirmed sent"
    wait_until(lambda: sent in "".join(traced()), seconds=10, what="line of the worker")
    rows = traced()
    places = [row.partition(" s  ")[2].split()[0] for row in rows[1:]]
    assert places[0] == "event" and {"event-relay", "notification-worker"} <= set(places)
    [queued] = [row for row in rows if "put on the queue" in row]
    assert "notifications.send" in queued
    [of_worker] = [row for row in rows if sent in row]
    assert re.search(r"attempt 1, [\d.]+ ms: 250 \S+$", of_worker)


@pytest.fixture(scope="module")
def crowd(person: MakePerson) -> list[Person]:
    """Forty people; the race below gives each of them several connections."""
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda n: person(f"crowd{n}"), range(40)))


def test_two_hundred_clients_buy_thirty_seven_seats_and_get_thirty_seven_mails(
    organizer: Person, crowd: list[Person], mailbox: Mailbox
) -> None:
    event = publish(organizer, seating={"kind": "general", "capacity": 37})
    clients = crowd * 5
    before = {someone.email: len(mailbox.sources(someone.email)) for someone in crowd}
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda someone: someone.book(event), clients))
    codes = Counter(answer.status_code for answer in answers)
    assert codes == {201: 37, 409: 163}
    types = {a.json()["type"] for a in answers if a.status_code == 409}
    assert types == {"urn:problem:sold-out"}
    bought = Counter(
        someone.email
        for someone, answer in zip(clients, answers, strict=True)
        if answer.status_code == 201
    )
    for address, number in bought.items():
        mailbox.wait_for(address, before[address] + number)
    confirmations = {
        address: [s for s in mailbox.sources(address) if "System test" in subject(s)]
        for address in before
    }
    assert {a: len(m) for a, m in confirmations.items() if m} == bought
    assert sum(map(len, confirmations.values())) == 37


def test_a_confirmation_waits_for_the_address_and_comes_when_it_is_confirmed(
    organizer: Person, person: MakePerson, mailbox: Mailbox
) -> None:
    event = publish(organizer)
    guest = person("unconfirmed", verified=False)
    mailbox.wait_for(guest.email, 1)
    assert guest.book(event).status_code == 201
    deadline = time.monotonic() + 30
    note = None
    while note != "waits until the address is confirmed" and time.monotonic() < deadline:
        newest = guest.send("GET", "/notifications", 200).json()["items"][0]
        note = newest["timeline"][-1]["note"]
        time.sleep(0.05)
    assert (newest["kind"], newest["status"], note) == (
        "booking-confirmed",
        "queued",
        "waits until the address is confirmed",
    )
    assert len(mailbox.sources(guest.email)) == 1

    guest.verify()

    confirmed = mailbox.wait_for(guest.email, 2, seconds=15)
    assert "System test" in subject(confirmed[-1])


def test_without_redis_a_booking_answers_and_the_mail_comes_afterwards(
    stack: Stack, organizer: Person, person: MakePerson, mailbox: Mailbox
) -> None:
    event = publish(organizer)
    guest = person("patient")
    with stack.without("redis-broker"), stack.without("redis-cache"):
        booked = guest.book(event)
        assert booked.status_code == 201, booked.text
        assert guest.send("GET", f"/events/{event['id']}").status_code == 200
        assert len(mailbox.sources(guest.email)) == 1
    assert len(mailbox.wait_for(guest.email, 2, seconds=60)) == 2


def test_without_notification_service_a_booking_answers_and_the_mail_comes_afterwards(
    stack: Stack, organizer: Person, person: MakePerson, mailbox: Mailbox
) -> None:
    event = publish(organizer)
    guest = person("waiting")
    with stack.without("notification"), stack.without("notification-worker"):
        assert guest.book(event).status_code == 201
    assert len(mailbox.wait_for(guest.email, 2, seconds=60)) == 2


def test_without_auth_service_a_token_goes_on_and_the_mail_comes_afterwards(
    stack: Stack, organizer: Person, person: MakePerson, mailbox: Mailbox
) -> None:
    event = publish(organizer)
    guest = person("holder")
    guest.book(event)
    mailbox.wait_for(guest.email, 2)
    with stack.without("auth"):
        assert guest.book(event).status_code == 201
    assert len(mailbox.wait_for(guest.email, 3, seconds=90)) == 3


def test_a_message_that_the_broker_forgot_is_found_again(
    stack: Stack, organizer: Person, person: MakePerson, mailbox: Mailbox
) -> None:
    event = publish(organizer)
    guest = person("forgotten")
    with stack.without("notification-worker"):
        assert guest.book(event).status_code == 201
        url = stack.environments.broker_url
        with redis.Redis.from_url(url) as broker:
            wait_until(
                lambda: broker.llen("parterre:notifications"), seconds=10, what="queued message"
            )
            broker.flushall()
    assert len(mailbox.wait_for(guest.email, 2, seconds=30)) == 2


def test_a_row_of_flower_tells_what_it_is_about_and_how_old_it_is(
    stack: Stack, organizer: Person, person: MakePerson, mailbox: Mailbox
) -> None:
    guest = person("rows")
    booking = guest.book(publish(organizer)).json()
    mailbox.wait_for(guest.email, 2)
    page = flower_get(stack, "/tasks")
    columns = re.findall(r'<th data-column="(\w+)">', page)
    assert {"received", "name", "args"} <= set(columns)
    assert re.search(r'<input type="hidden" value="natural-time-UTC" id=.time.>', page)
    rows = json.loads(flower_tasks(stack))["data"]
    told = [str(row["args"]) for row in rows if row["name"].startswith("notifications.send")]
    assert all(re.search(r"^(\d+ )?[a-z-]+.*; written 20\d\d-", args) for args in told), told
    assert any("booking-confirmed" in args for args in told)
    assert not any(booking["seats"][0]["ticket_code"] in args for args in told)


def test_nothing_personal_is_in_flower_logs_or_sentry(
    stack: Stack, organizer: Person, person: MakePerson, mailbox: Mailbox, sentry: SentryRecorder
) -> None:
    guest = person("needle", full_name="Zebedee Quillfeather")
    event = publish(organizer)
    booking = guest.book(event).json()
    mailbox.wait_for(guest.email, 2)
    needles = {
        "address": guest.email,
        "name": "Quillfeather",
        "password": PASSWORD,
        "token": guest.token,
        "ticket": booking["seats"][0]["ticket_code"],
    }
    places = {"flower": flower_tasks(stack)}
    assert "notifications." in places["flower"]
    for log in stack.log_dir.glob("*.log"):
        if log.stem != "mailbox":
            places[log.stem] = log.read_text(errors="replace")
    places["sentry"] = b"".join(sentry.envelopes).decode(errors="replace")
    found = [
        (where, what) for where, text in places.items() for what, n in needles.items() if n in text
    ]
    assert found == []
