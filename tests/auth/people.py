"""People who use the service, and what the database knows of them."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
from factory.base import Factory
from factory.declarations import LazyFunction
from factory.faker import Faker
from sqlmodel import col, select

from auth_service.models import AuditEvent, OutboxMessage, User, UserSession
from service_kit.database.engine import Database
from service_kit.ids import new_id

API = "/api/v1"
PASSWORD = "correct horse battery"
NEW_PASSWORD = "another horse battery"


class UserFactory(Factory[User]):
    """A row without going through registration; nobody can sign in with it."""

    class Meta:
        model = User

    email = LazyFunction(lambda: new_address())  # type: ignore[no-untyped-call]
    hashed_password = "(none)"
    full_name = Faker("name")  # type: ignore[no-untyped-call]


@dataclass
class Person:
    id: UUID
    email: str
    password: str = PASSWORD
    access_token: str = ""
    refresh_token: str = ""
    cookies: dict[str, str] = field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.access_token}"}


def new_address() -> str:
    return f"p{new_id().hex}@example.com"


class People:
    """Registers people and signs them in by the API."""

    def __init__(self, client: httpx.AsyncClient, database: Database) -> None:
        self.client = client
        self.database = database

    async def register(self, email: str | None = None, **members: Any) -> Person:
        email = email or new_address()
        answer = await self.client.post(
            f"{API}/auth/register", json={"email": email, "password": PASSWORD, **members}
        )
        assert answer.status_code == 201, answer.text
        return Person(UUID(answer.json()["id"]), answer.json()["email"])

    async def sign_in(self, person: Person | None = None, **changes: Any) -> Person:
        """Registers somebody first if nobody is given; ``changes`` are put into the row."""
        person = person or await self.register()
        if changes:
            await self.change(person, **changes)
        answer = await self.try_password(person.email, person.password)
        assert answer.status_code == 200, answer.text
        tokens = answer.json()
        return Person(
            person.id, person.email, person.password,
            tokens["access_token"], tokens["refresh_token"],
        )  # fmt: skip

    async def try_password(self, email: str, password: str, **options: Any) -> httpx.Response:
        return await self.client.post(
            f"{API}/auth/login", data={"username": email, "password": password}, **options
        )

    async def superuser(self) -> Person:
        return await self.sign_in(is_superuser=True)

    async def change(self, person: Person, **changes: Any) -> None:
        async with self.database.transaction() as session:
            user = await session.get(User, person.id)
            assert user is not None
            for name, value in changes.items():
                setattr(user, name, value)

    async def find(self, person: Person) -> User | None:
        async with self.database.transaction() as session:
            return await session.get(User, person.id)

    async def row(self, person: Person) -> User:
        user = await self.find(person)
        assert user is not None
        return user

    async def messages(self, person: Person, kind: str | None = None) -> list[OutboxMessage]:
        async with self.database.transaction() as session:
            found = await session.exec(
                select(OutboxMessage)
                .where(col(OutboxMessage.message)["user_id"].astext == str(person.id))
                .order_by(col(OutboxMessage.id))
            )
            rows = list(found.all())
        return [row for row in rows if kind is None or row.message.get("kind") == kind]

    async def audit(self, person: Person) -> list[AuditEvent]:
        async with self.database.transaction() as session:
            found = await session.exec(
                select(AuditEvent)
                .where(AuditEvent.user_id == person.id)
                .order_by(col(AuditEvent.id))
            )
            return list(found.all())

    async def actions(self, person: Person) -> list[str]:
        return [event.action for event in await self.audit(person)]

    async def live_sessions(self, person: Person) -> list[UserSession]:
        async with self.database.transaction() as session:
            found = await session.exec(
                select(UserSession).where(
                    UserSession.user_id == person.id, col(UserSession.revoked_at).is_(None)
                )
            )
            return list(found.all())


class Links:
    """What notification-service does when it renders a mail."""

    def __init__(self, client: httpx.AsyncClient, headers: dict[str, str]) -> None:
        self.client = client
        self.headers = headers

    async def ask(self, person: Person, kind: str, **members: Any) -> httpx.Response:
        body = {"user_id": str(person.id), "kind": kind, **members}
        return await self.client.post(f"{API}/auth/links", headers=self.headers, json=body)

    async def token(self, person: Person, kind: str, **members: Any) -> str:
        answer = await self.ask(person, kind, **members)
        assert answer.status_code == 201, answer.text
        assert answer.headers["cache-control"] == "no-store"
        return str(answer.json()["token"])

    async def verify(self, token: str) -> httpx.Response:
        return await self.client.post(f"{API}/auth/verify", json={"token": token})

    async def reset(self, token: str, password: str = NEW_PASSWORD) -> httpx.Response:
        return await self.client.post(
            f"{API}/auth/reset-password", json={"token": token, "password": password}
        )


def problem(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a problem document; fails for anything else."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["type"].removeprefix("urn:problem:")
