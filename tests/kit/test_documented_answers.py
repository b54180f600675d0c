"""The OpenAPI document names what a route refuses by its policy, without a word of its author."""

import pytest

from tests.kit.conftest import MakeSettings, serving

SIGN_IN, CROSS_SITE = {"401 not-authenticated"}, {"403 csrf-failed"}
NO_PERSON = {"403 forbidden"}
BODY = {"408 request-timeout", "413 too-large"}
ALWAYS = {"422 invalid-request", "429 rate-limited", "500 internal-error", "503 unavailable"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("get /things/{thing_id}/narrow", set()),
        ("get /open", SIGN_IN),
        ("get /mine/{thing_id}/narrow", SIGN_IN | NO_PERSON),
        ("get /superuser", SIGN_IN | NO_PERSON),
        ("post /late-failure", CROSS_SITE),
        ("post /service", SIGN_IN | CROSS_SITE),
        ("post /things", SIGN_IN | NO_PERSON | CROSS_SITE | BODY),
    ],
)
async def test_a_route_is_documented_with_what_its_policy_refuses(
    make_settings: MakeSettings, name: str, expected: set[str]
) -> None:
    method, path = name.split()
    async with serving(make_settings()) as app:
        answers = app.openapi()["paths"][f"/api/v1{path}"][method]["responses"]
    documented = {
        f"{status} {code}"
        for status, answer in answers.items()
        if int(status) >= 400
        for code in answer["content"]["application/problem+json"]["examples"]
    }
    assert documented == expected | ALWAYS
