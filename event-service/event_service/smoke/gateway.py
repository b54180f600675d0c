"""Asks the three services through the gateway, by the name that visitors use.

  python -m event_service.smoke.gateway https://gateway tickets.example.org

The address is the gateway's own, inside; the name is sent as TLS server name and as Host. Exit code 0, or 1
with the reason in the last line.
"""

import asyncio
import sys
from dataclasses import dataclass

import httpx

REQUEST_SECONDS = 10.0
# A container that was replaced a moment ago may be looked up once more.
ATTEMPTS = 3
PAUSE_SECONDS = 1.0


@dataclass(frozen=True)
class Question:
    """``media_type`` is how the answer's begins; ``who`` answers."""

    path: str
    status: int
    media_type: str
    who: str


QUESTIONS = (
    Question("/", 200, "text/html", "event-service"),
    Question("/api/v1/events?limit=1", 200, "application/json", "event-service"),
    Question("/.well-known/jwks.json", 200, "application/json", "auth-service"),
    Question("/api/v1/notifications", 401, "application/problem+json", "notification-service"),
)


class GatewayFailed(Exception):
    """The message says in one line what was asked, and what came."""


async def ask(client: httpx.AsyncClient, question: Question, host: str) -> None:
    """Raises GatewayFailed for another answer than it should be."""
    asked = f"gateway: GET {question.path}"
    try:
        response = await client.get(question.path, extensions={"sni_hostname": host})
    except httpx.HTTPError as error:
        raise GatewayFailed(f"{asked} has no answer ({error or type(error).__name__})") from None
    media_type = response.headers.get("content-type", "")
    if response.status_code != question.status or not media_type.startswith(question.media_type):
        raise GatewayFailed(
            f"{asked} is answered {response.status_code} {media_type or 'without a media type'}, "
            f"{question.who} would say {question.status} {question.media_type}"
        )


async def check(url: str, host: str, *, pause_seconds: float = PAUSE_SECONDS) -> None:
    """Raises GatewayFailed if one of the services cannot be reached through it."""
    # The certificate is for visitors, and doctor's to judge: here is asked whether services answer.
    async with httpx.AsyncClient(
        base_url=url,
        headers={"Host": host, "User-Agent": "parterre-smoke"},
        timeout=REQUEST_SECONDS,
        verify=False,  # noqa: S501
        trust_env=False,
    ) as client:
        for question in QUESTIONS:
            for attempt in range(1, ATTEMPTS + 1):
                try:
                    await ask(client, question, host)
                    break
                except GatewayFailed:
                    if attempt == ATTEMPTS:
                        raise
                    await asyncio.sleep(pause_seconds)


def main() -> None:
    if len(sys.argv) != 3:
        raise SystemExit("usage: python -m event_service.smoke.gateway URL HOST")
    try:
        asyncio.run(check(sys.argv[1], sys.argv[2]))
    except GatewayFailed as error:
        print(error, flush=True)
        raise SystemExit(1) from None
    print(f"gateway: {len(QUESTIONS)} requests as {sys.argv[2]} were answered", flush=True)


if __name__ == "__main__":
    main()
