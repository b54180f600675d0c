"""No string that anybody may send holds auth-service up: each has a limit that is checked first."""

import httpx
from fastapi import FastAPI

from tests.auth.people import API, People
from tests.text_limits import hostile_texts, inputs_of, try_all, unbounded_inputs


def test_every_string_that_may_be_sent_has_a_limit(auth_app: FastAPI) -> None:
    assert len(inputs_of(auth_app.openapi())) > 20
    assert unbounded_inputs(auth_app.openapi()) == []


async def test_no_string_takes_long(
    auth_app: FastAPI, client: httpx.AsyncClient, people: People
) -> None:
    admin = await people.superuser()
    service = await auth_app.state.token_issuer.for_service("a", "users:contact auth:links")
    callers = [admin.headers, {"Authorization": f"Bearer {service}"}]
    sent, faults = await try_all(client, auth_app.openapi(), callers)
    assert sent > 2 * len(inputs_of(auth_app.openapi()))
    assert faults == []


async def test_a_sign_in_with_stacked_marks_is_a_mistake_however_it_is_encoded(
    client: httpx.AsyncClient,
) -> None:
    for text in hostile_texts().values():
        if "runs" in text:
            continue
        for name in ("username", "password"):
            form = {"username": "a@example.com", "password": "x"} | {name: text}
            plain = await client.post(f"{API}/auth/login", data=form)
            parts = await client.post(
                f"{API}/auth/login", files={key: (None, value) for key, value in form.items()}
            )
            assert plain.status_code == parts.status_code, plain.text
            assert plain.status_code in (400, 422)
