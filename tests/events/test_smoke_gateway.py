"""The smoke test through the gateway: what it takes for an answer of the services, and what not."""

import httpx
import pytest
import respx

from event_service.smoke.gateway import QUESTIONS, GatewayFailed, Question, check

URL, HOST = "https://gateway", "tickets.parterre.example"


def answer(question: Question) -> httpx.Response:
    return httpx.Response(question.status, headers={"Content-Type": question.media_type})


@pytest.fixture
def gateway() -> respx.MockRouter:
    """Answers as it does when each service is reached; only to the public name."""
    router = respx.MockRouter(assert_all_called=False)
    for question in QUESTIONS:
        router.get(f"{URL}{question.path}", headers={"Host": HOST}, name=question.path).mock(
            return_value=answer(question)
        )
    return router


async def test_services_that_answer_pass(gateway: respx.MockRouter) -> None:
    with gateway:
        await check(URL, HOST)
    assert all(call.request.extensions["sni_hostname"] == HOST for call in gateway.calls)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.path)
@pytest.mark.parametrize(
    "instead",
    [
        httpx.Response(502, headers={"Content-Type": "application/problem+json"}),
        httpx.Response(200, headers={"Content-Type": "text/plain"}),
        httpx.ConnectError("Name or service not known"),
    ],
    ids=["bad gateway", "somebody else", "nobody"],
)
async def test_each_service_that_is_not_reached_is_named(
    gateway: respx.MockRouter, question: Question, instead: httpx.Response | Exception
) -> None:
    gateway[question.path].mock(side_effect=[instead] * 3)
    with gateway, pytest.raises(GatewayFailed, match=question.path.partition("?")[0]):
        await check(URL, HOST, pause_seconds=0)


async def test_one_that_is_found_a_moment_later_passes(gateway: respx.MockRouter) -> None:
    question = QUESTIONS[1]
    gateway[question.path].mock(side_effect=[httpx.Response(502), answer(question)])
    with gateway:
        await check(URL, HOST, pause_seconds=0)
