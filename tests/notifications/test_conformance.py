"""What notification-service answers is what its OpenAPI document says."""

from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from notification_service.main import create_app
from notification_service.settings import Settings
from tests.conformance import Trial, faults_of
from tests.conftest import FreshDatabase
from tests.notifications.people import as_service, sign_in

API = "/api/v1/notifications"
ERASURES = f"POST {API}/erasures"
APART = (
    f"GET {API}/failures",
    f"POST {API}/failures/{{notification_id}}/retry",
    f"GET {API}/me/data",
)
FOR_SERVICES = (ERASURES, f"POST {API}", f"POST {API}/missing", f"POST {API}/preview")


async def test_schemathesis_finds_nothing(
    options: dict[str, Any], fresh_database: FreshDatabase, tmp_path: Path
) -> None:
    own = options | {
        "database_url": await fresh_database("notification"),
        "allowed_hosts": ("localhost",),
        # How busy this machine is must not decide.
        "database_pool_timeout_seconds": 30,
        "lock_timeout_seconds": 30,
        "statement_timeout_seconds": 30,
    }
    user_id = uuid4()
    service = as_service("notifications:send", "users:erase")
    app = create_app(Settings(**own))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://localhost"
        ) as client,
    ):
        wish = {
            "kind": "reset-password",
            "user_id": str(user_id),
            "data": {},
            "dedup_key": "reset:1",
        }
        notification = (await client.post(API, json=wish, headers=service)).json()
        everything = Trial(
            sign_in(user_id, is_superuser=True),
            {name: service for name in FOR_SERVICES},
            known={
                "path.notification_id": [notification["id"]],
                "path.kind": ["reset-password", "booking-confirmed"],
            },
        )
        # schemathesis reads whose the token is, and has that account erased. From what superusers
        # read of everybody it concludes that mails of other people could be shown as one's own.
        trials = [
            replace(everything, but=(ERASURES, *APART)),
            replace(everything, only=APART),
            replace(everything, only=(ERASURES,)),
        ]
        faults = await faults_of(app, trials, tmp_path)
    assert not faults, faults
