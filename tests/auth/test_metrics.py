"""Each sign-in moves its metric, and nothing else is shown than what is described."""

import httpx
import pytest

from auth_service.metrics import SESSION_RENEWALS, counted
from auth_service.problems import RefreshInvalid
from tests.auth.people import API, PASSWORD, People
from tests.metrics import bad_names, differences, documented, families, moved

SECTIONS = ("Of every process", "Of each service's API", "auth-service")


async def read(client: httpx.AsyncClient) -> str:
    return (await client.get("/metrics")).text


async def test_what_is_shown_is_described_and_named_by_the_rules(
    client: httpx.AsyncClient, people: People
) -> None:
    await people.sign_in()
    shown = families(await read(client))
    assert bad_names(shown) == []
    assert differences(shown, documented(*SECTIONS)) == []


async def test_sign_ins_by_outcome(client: httpx.AsyncClient, people: People) -> None:
    person = await people.register()
    before = await read(client)
    await people.try_password(person.email, PASSWORD)
    for _ in range(11):
        answer = await people.try_password(person.email, "not the password")
    assert answer.status_code == 429
    found = moved(before, await read(client))
    assert found["sign_ins_total{token,succeeded}"] == 1
    assert found["sign_ins_total{token,bad-credentials}"] == 10
    assert found["sign_ins_total{token,locked-out}"] == 1
    assert person.email not in await read(client)


@pytest.mark.parametrize(
    ("token", "times", "outcome"),
    [(None, 1, "succeeded"), (None, 2, "reused"), ("x", 1, "invalid")],
)
async def test_renewals_by_outcome(
    client: httpx.AsyncClient, people: People, token: str | None, times: int, outcome: str
) -> None:
    person = await people.sign_in()
    before = await read(client)
    for _ in range(times):
        await client.post(
            f"{API}/auth/refresh", json={"refresh_token": token or person.refresh_token}
        )
    found = moved(before, await read(client))
    assert found[f"session_renewals_total{{token,{outcome}}}"] == 1


def test_a_refusal_of_a_kind_counts_as_that_kind() -> None:
    class AppTokenExpired(RefreshInvalid):
        """As one that is added later."""

    invalid = SESSION_RENEWALS.labels("token", "invalid")
    before = invalid._value.get()
    with pytest.raises(AppTokenExpired), counted(SESSION_RENEWALS, "token"):
        raise AppTokenExpired
    assert invalid._value.get() == before + 1
