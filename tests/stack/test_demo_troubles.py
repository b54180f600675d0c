"""The demo where something is late, refused or away."""

import subprocess

import httpx
import pytest

from stack import demo
from stack.demo import ACCOUNTS, ADMIN, BOOKINGS, GUEST, ORGANIZER
from stack.errors import StackError
from tests.stack.demo_run import ADDRESSES, Run


def test_accounts_are_verified_without_any_mailbox(run: Run) -> None:
    """Mails may go to a server of one's own, or to none that answers."""
    assert run.fill() == list(ACCOUNTS)

    assert all(account["is_verified"] for account in run.services.accounts.values())
    assert {request.split()[1].split("/")[1] for request in run.services.requests} <= {
        "auth", "users", "events", "bookings",
    }  # fmt: skip


def test_somebodys_changed_password_is_respected(run: Run) -> None:
    run.fill()
    run.services.bookings.clear()
    run.services.accounts[GUEST.email]["password"] = "another"
    run.said.clear()

    assert run.fill() == [ORGANIZER, ADMIN]

    assert run.said == [f"{GUEST.email} has another password by now; it is left as it is."]
    assert run.services.bookings == []


def refuse(run: Run, times: int, answer: httpx.Response) -> None:
    """The first bookings are answered so."""
    original, left = run.services.book, [answer] * times

    def book(request: httpx.Request) -> httpx.Response:
        return left.pop() if left else original(request)

    run.services.book = book  # type: ignore[method-assign]


def test_a_rate_limit_is_waited_for_as_long_as_it_says(run: Run) -> None:
    refuse(run, 2, httpx.Response(429, headers={"Retry-After": "7"}))

    run.fill()

    assert run.slept == [7, 7]
    assert len(run.services.bookings) == len(BOOKINGS)
    assert any("7 s" in line for line in run.said)


def test_a_rate_limit_of_an_hour_is_not_waited_for(run: Run) -> None:
    refuse(run, 1, httpx.Response(429, headers={"Retry-After": "3600"}))

    with pytest.raises(StackError, match="3600 s"):
        run.fill()

    assert run.slept == []


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (httpx.Response(500, text="<html>"), "500."),
        (
            httpx.Response(
                422,
                json={"detail": "Not so.", "errors": [{"field": "quantity", "message": "is bad"}]},
                headers={"Content-Type": "application/problem+json"},
            ),
            "422: Not so.; quantity: is bad",
        ),
    ],
)
def test_a_refused_request_is_reported_in_one_line(
    run: Run, answer: httpx.Response, words: str
) -> None:
    refuse(run, 1, answer)

    with pytest.raises(StackError) as raised:
        run.fill()

    assert str(raised.value) == f"Demo: POST http://event.test/api/v1/bookings answered {words}"


def test_an_unreachable_service_is_reported_in_one_line(run: Run) -> None:
    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("Connection refused", request=request)

    run.services.login = away  # type: ignore[method-assign]

    with pytest.raises(StackError, match=r"^Demo: POST http://auth\S+ Connection refused$"):
        run.fill()


def test_a_failing_command_is_reported_in_one_line(run: Run) -> None:
    def fail(_: list[str]) -> None:
        raise subprocess.CalledProcessError(1, ["verify"])

    with pytest.raises(StackError, match="verify") as raised:
        demo.fill(ADDRESSES, fail, run.said.append)

    assert "\n" not in str(raised.value)


def test_an_unexpected_answer_is_reported_in_one_line(run: Run) -> None:
    def login(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={})

    run.services.login = login  # type: ignore[method-assign]

    with pytest.raises(StackError, match="access_token"):
        run.fill()
