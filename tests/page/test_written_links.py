"""Links made of what people wrote: an organizer may write whatever misleads guests or keeps them waiting."""

import pytest
from playwright.sync_api import Page, expect

from tests.system.people import Person, publish

SLASH = "\u2044"
# What is written, and what a guest reads; None where it becomes no link.
ADDRESSES: list[tuple[str, str | None]] = [
    ("https://example.org/a_(b)", "https://example.org/a_(b)"),
    ("https://example.org:444/a?b=\u0434#c", "https://example.org:444/a?b=\u0434#c"),
    (
        "https://\u0442\u0435\u0430\u0442\u0440.\u0440\u0444/1",
        "https://\u0442\u0435\u0430\u0442\u0440.\u0440\u0444/1",
    ),
    # A slash that is none, letters of two alphabets, a filler that is dropped, an accent that is hard to see.
    (f"https://bank.com{SLASH}x.example.org/a", "https://bank.xn--comx-2g7a.example.org/a"),
    ("https://b\u0430nk.com/", "https://xn--bnk-6cd.com/"),
    ("https://bank.com\u3164.example.org/", "https://bank.com.example.org/"),
    ("https://bank\u0323.com/", "https://xn--ban-92y.com/"),
    ("https://bank.com@example.org/", None),
    ("https://localhost/", None),
    ("javascript:alert(1)", None),
    ("data:text/html,x", None),
    ("http://example.org/", None),
]
MODULE = """(path) => import(new URL(path, document.querySelector("script[type=module]").src))"""


@pytest.fixture
def opened(page: Page) -> Page:
    page.goto("/")
    return page


@pytest.mark.parametrize(("written", "read"), ADDRESSES)
def test_a_link_reads_as_where_it_leads(opened: Page, written: str, read: str | None) -> None:
    found = opened.evaluate(
        f"""async (text) => (await ({MODULE})("links.js")).linked(`(see ${{text}}).`)
            .filter((part) => part.href).map((part) => part.textContent)""",
        written,
    )
    assert found == ([] if read is None else [read])


@pytest.mark.parametrize("tail", [")", ").", "]", "(", ".a", "https://"])
def test_a_long_text_keeps_no_guest_waiting(opened: Page, tail: str) -> None:
    """The longest description; brackets took five seconds."""
    milliseconds = opened.evaluate(
        f"""async (text) => {{
            const {{ linked }} = await ({MODULE})("links.js");
            const began = performance.now();
            linked(text);
            return performance.now() - began;
        }}""",
        ("https://example.org/" + tail * 10_000)[:10_000],
    )
    assert milliseconds < 1_000


def test_an_address_of_a_guest_adds_no_other_recipient(opened: Page) -> None:
    address = "a+b?cc=other%40example.org&body=x@example.org"
    link = opened.evaluate(
        f"""async (address) => new URL((await ({MODULE})("links.js")).mailTo(address))""" + ".href",
        address,
    )
    assert link == "mailto:a%2Bb%3Fcc%3Dother%2540example.org%26body%3Dx@example.org"


def test_back_from_another_page_shows_what_is_true_now(page: Page, organizer: Person) -> None:
    """The browser has the page as it was, with the answers that came in it."""
    event = publish(organizer, title="Before", description="As it was")
    page.goto(f"/events/{event['id']}")
    expect(page.locator("h1")).to_have_text("Before")
    page.goto("/docs")
    change = {"title": "After", "description": "As it is"}
    organizer.send("PATCH", f"/events/{event['id']}", 200, json=change)
    page.go_back()
    expect(page.locator("h1")).to_have_text("After")
    expect(page.locator(".prose")).to_have_text("As it is")
