"""The demo where something is late, refused or away."""

import subprocess

import httpx
import pytest

from stack import demo
from stack.demo import ACCOUNTS, ADMIN, BOOKINGS, GUEST, ORGANIZER
from stack.errors import StackError
from tests.stack.demo_run import ADDRESSES, Run


def test_a_mail_that_comes_late_is_waited_for(run: Run) -> None:
    run.services.polls_until_mail = 5

    run.fill()

    assert run.services.accounts[ORGANIZER.email]["is_verified"]
    assert run.slept == [demo.POLL_SECONDS] * 5


def test_mails_with_void_tokens_are_passed_over(run: Run) -> None:
    for account in ACCOUNTS:
        run.services.mails.append((account.email, "void"))
    original = run.services.register

    def register(request: httpx.Request) -> httpx.Response:
        answer = original(request)
        address, token = run.services.mails.pop()
        run.services.mails.insert(0, (address, token))
        return answer

    run.services.register = register  # type: ignore[method-assign]

    assert run.fill() == list(ACCOUNTS)
    assert all(account["is_verified"] for account in run.services.accounts.values())


def test_a_mail_that_never_comes_is_told_in_one_line(run: Run) -> None:
    run.services.polls_until_mail = 1_000_000

    with pytest.raises(StackError, match=ORGANIZER.email) as raised:
        run.fill()

    assert "\n" not in str(raised.value)
    assert demo.MAIL_SECONDS <= run.monotonic() < demo.MAIL_SECONDS + 1


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
def test_a_refusal_is_told_in_one_line(run: Run, answer: httpx.Response, words: str) -> None:
    refuse(run, 1, answer)

    with pytest.raises(StackError) as raised:
        run.fill()

    assert str(raised.value) == f"Demo: POST http://event.test/api/v1/bookings answered {words}"


def test_a_service_that_is_away_is_told_in_one_line(run: Run) -> None:
    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("Connection refused", request=request)

    run.services.login = away  # type: ignore[method-assign]

    with pytest.raises(StackError, match=r"^Demo: POST http://auth\S+ Connection refused$"):
        run.fill()


def test_a_failing_command_is_told_in_one_line(run: Run) -> None:
    def fail(_: list[str]) -> None:
        raise subprocess.CalledProcessError(1, ["promote"])

    with pytest.raises(StackError, match="promote") as raised:
        demo.fill(ADDRESSES, fail, run.said.append)

    assert "\n" not in str(raised.value)


def test_an_answer_of_another_form_is_told_in_one_line(run: Run) -> None:
    def login(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={})

    run.services.login = login  # type: ignore[method-assign]

    with pytest.raises(StackError, match="access_token"):
        run.fill()
