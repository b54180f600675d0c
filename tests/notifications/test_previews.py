"""Notifications over REST: mails as they would look."""

import httpx
import pytest

from notification_service.kinds.registry import KINDS
from notification_service.previews.samples import sample_data
from tests.notifications.people import SENDER, sign_in


@pytest.mark.parametrize("kind", KINDS)
async def test_superusers_look_at_every_mail(client: httpx.AsyncClient, kind: str) -> None:
    boss = sign_in(is_superuser=True)

    shown = (
        await client.get(f"/notifications/templates/{kind}/preview?locale=ru", headers=boss)
    ).json()
    page = await client.get(f"/notifications/templates/{kind}/preview?part=html", headers=boss)
    text = await client.get(f"/notifications/templates/{kind}/preview?part=text", headers=boss)

    assert shown["subject"]
    assert "Здравствуйте" in shown["text"]
    assert page.headers["content-type"].startswith("text/html")
    assert "sandbox" in page.headers["content-security-policy"]
    assert "frame-ancestors 'self'" in page.headers["content-security-policy"]
    assert "cid:" not in page.text
    assert "Hello" in text.text


async def test_superusers_see_which_mails_there_are(
    client: httpx.AsyncClient, user: dict[str, str]
) -> None:
    boss = sign_in(is_superuser=True)

    shown = await client.get("/notifications/templates", headers=boss)

    assert shown.json() == {"kinds": sorted(KINDS)}
    assert (await client.get("/notifications/templates")).status_code == 401
    assert (await client.get("/notifications/templates", headers=user)).status_code == 403


async def test_nobody_else_looks_at_templates(
    client: httpx.AsyncClient, user: dict[str, str]
) -> None:
    path = "/notifications/templates/verify-email/preview"

    assert (await client.get(path)).status_code == 401
    assert (await client.get(path, headers=user)).status_code == 403
    boss = sign_in(is_superuser=True)
    assert (
        await client.get("/notifications/templates/surprise/preview", headers=boss)
    ).status_code == 404


async def test_a_service_previews_a_message(client: httpx.AsyncClient) -> None:
    data = sample_data("organizer-message") | {
        "subject": "Hello <b>",
        "body": "One\n\nTwo <script>",
    }
    wanted = {"kind": "organizer-message", "data": data, "locale": "en"}

    shown = (await client.post("/notifications/preview", json=wanted, headers=SENDER)).json()

    assert shown["subject"] == "Hello <b>"
    assert "Two &lt;script&gt;" in shown["html"]
