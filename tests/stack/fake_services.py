"""auth-service and event-service as far as the demo meets them, kept in memory."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import httpx

from auth_service.accounts.schemas import Registration
from event_service.bookings.schemas import BookingCreate
from event_service.events.schemas import EventCreate

PAGE = 5
Json = dict[str, Any]


@dataclass
class Services:
    """What comes in is checked by the services' own schemas. A token is the e-mail address, behind
    ``verified:`` where it was verified when the token was signed."""

    accounts: dict[str, Json] = field(default_factory=dict)
    events: list[Json] = field(default_factory=list)
    bookings: list[Json] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/v1")
        self.requests.append(f"{request.method} {path}")
        answers: dict[str, Callable[[httpx.Request], httpx.Response]] = {
            "POST /auth/register": self.register,
            "POST /auth/login": self.login,
            "GET /users/me": lambda r: httpx.Response(200, json=self.accounts[self._who(r)]),
            "GET /events": lambda r: self.page(r, self.events),
            "POST /events": self.create_event,
            "GET /bookings": lambda r: self.page(r, self.bookings),
            "POST /bookings": self.book,
        }
        if f"{request.method} {path}" in answers:
            return answers[f"{request.method} {path}"](request)
        number, action = int(path.split("/")[2]), path.split("/")[3]
        return self.publish(request, number) if action == "publish" else self.seats(number)

    def _who(self, request: httpx.Request) -> str:
        return request.headers["Authorization"].removeprefix("Bearer ").removeprefix("verified:")

    def register(self, request: httpx.Request) -> httpx.Response:
        body = Registration.model_validate_json(request.content)
        if body.email in self.accounts:
            return httpx.Response(409, json={"type": "urn:problem:email-taken"})
        self.accounts[body.email] = {
            "password": json.loads(request.content)["password"],
            "full_name": body.full_name,
            "locale": body.locale,
            "is_verified": False,
            "is_superuser": False,
        }
        return httpx.Response(201, json={})

    def login(self, request: httpx.Request) -> httpx.Response:
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        account = self.accounts[form["username"]]
        if account["password"] != form["password"]:
            return httpx.Response(400, json={"type": "urn:problem:bad-credentials"})
        token = ("verified:" if account["is_verified"] else "") + form["username"]
        return httpx.Response(200, json={"access_token": token})

    def page(self, request: httpx.Request, items: list[Json]) -> httpx.Response:
        start = int(request.url.params.get("cursor", 0))
        end = start + PAGE
        cursor = str(end) if end < len(items) else None
        return httpx.Response(200, json={"items": items[start:end], "next_cursor": cursor})

    def create_event(self, request: httpx.Request) -> httpx.Response:
        body = EventCreate.model_validate_json(request.content).model_dump(mode="json")
        body |= {"seating": body["seating"]["kind"], "asked": body["seating"]}
        body |= {"id": str(len(self.events)), "status": "draft", "organizer": self._who(request)}
        self.events.append(body)
        return httpx.Response(201, json=body)

    def publish(self, request: httpx.Request, number: int) -> httpx.Response:
        if not request.headers["Authorization"].startswith("Bearer verified:"):
            return httpx.Response(403, json={"type": "urn:problem:email-not-verified"})
        self.events[number]["status"] = "published"
        return httpx.Response(200, json=self.events[number])

    def seats(self, number: int) -> httpx.Response:
        sections = [
            {"rows": [{"seats": seats_of_row(row["seats"])} for row in section["rows"]]}
            for section in self.events[number]["asked"]["sections"]
        ]
        return httpx.Response(200, json={"sections": sections})

    def book(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        BookingCreate.model_validate(body | {"event_id": seat_id(0)})
        if self.events[int(body["event_id"])]["status"] != "published":
            return httpx.Response(409, json={"type": "urn:problem:sales-closed"})
        self.bookings.append(body | {"guest": self._who(request)})
        return httpx.Response(201, json=body)


def seat_id(number: int) -> str:
    return f"00000000-0000-0000-0000-{number:012}"


def seats_of_row(row: int | str) -> list[Json]:
    letters = row if isinstance(row, str) else "s" * row
    kinds = {"s": "standard", "a": "accessible", "x": "blocked"}
    return [
        {
            "id": seat_id(column),
            "column": column,
            "kind": kinds[letter],
            "state": "blocked" if letter == "x" else "free",
        }
        for column, letter in enumerate(letters, 1)
        if letter != "_"
    ]
