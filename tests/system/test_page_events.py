"""Amounts, times and titles as the page shows them and takes them."""

from typing import Any

import pytest

from stack.stack import Stack
from tests.system.browser import Window
from tests.system.conftest import Person, publish
from tests.system.pages import needs_chromium, sign_in, url

pytestmark = needs_chromium

Json = dict[str, Any]
AMOUNTS = [
    (500_000, "HUF", "HUF 5,000.00"),
    (500_000, "IDR", "IDR 5,000.00"),
    (500_000, "COP", "COP 5,000.00"),
    (500_000, "PKR", "PKR 5,000.00"),
    (500_000, "RSD", "RSD 5,000.00"),
    (500_000, "IQD", "IQD 500.000"),
    (500_000, "LBP", "LBP 5,000.00"),
    (500_000, "JPY", "¥500,000"),
    (500_000, "KWD", "KWD 500.000"),
    (500_000, "EUR", "€5,000.00"),
    (1_000_000_000, "UGX", "UGX 1,000,000,000"),
]


def text(window: Window, selector: str) -> str:
    found: str = window.wait(f"document.querySelector('{selector}')?.textContent")
    return found.replace("\xa0", " ").replace("\u202f", " ")


def test_amounts_have_the_minor_units_of_iso_4217_and_not_of_the_browser(
    stack: Stack, browser: Window, organizer: Person
) -> None:
    for amount, currency, shown in AMOUNTS:
        event = publish(organizer, title=f"In {currency}", price=amount, currency=currency)
        browser.open(url(stack, f"/events/{event['id']}"))
        browser.see(f"In {currency}")
        browser.wait(f"document.querySelector('h1').textContent.includes('In {currency}')")
        assert text(browser, ".facts div:nth-child(3) dd") == shown
        assert text(browser, ".panel .total strong") == shown
    browser.open(url(stack, "/?q=In%20HUF"))
    browser.wait("document.querySelector('.card')?.textContent.includes('In HUF')")
    assert text(browser, ".card .price") == "HUF 5,000.00"


@pytest.mark.parametrize(
    ("currency", "typed", "stored"),
    [
        ("EUR", "12.50", 1250),
        ("EUR", "12,5", 1250),
        ("HUF", "5000", 500_000),
        ("IDR", "5000,25", 500_025),
        ("JPY", "5000", 5000),
        ("KWD", "1.234", 1234),
        ("IQD", "1,5", 1500),
    ],
)
def test_the_organizers_form_stores_what_was_typed(
    stack: Stack, browser: Window, organizer: Person, currency: str, typed: str, stored: int
) -> None:
    browser.open(url(stack, "/sign-in?next=/my-events/new"))
    sign_in(browser, organizer)
    title = f"Priced {currency} {typed}"
    browser.fill("[name=title]", title)
    browser.fill("[name=venue]", "Small hall")
    browser.fill("[name=city]", "Graz")
    choose(browser, "currency", currency)
    browser.fill("[name=price]", typed)
    browser.click("button", text="Create draft")
    browser.wait("/^.my-events.[0-9a-f-]{36}$/.test(location.pathname)")
    event = event_of(browser, organizer)
    assert (event["title"], event["price"], event["currency"]) == (title, stored, currency)
    browser.click("a", text="Edit")
    browser.wait("document.querySelector('[name=price]')")
    again = browser.evaluate("document.querySelector('[name=price]').value")
    assert float(again) == float(typed.replace(",", "."))
    browser.click("button", text="Save")
    browser.see("Saved.")
    assert event_of(browser, organizer)["price"] == stored


def choose(window: Window, name: str, value: str) -> None:
    window.replace(f"[name={name}]", value)


def event_of(window: Window, organizer: Person) -> Json:
    event_id = window.evaluate("location.pathname.split('/')[2]")
    event: Json = organizer.send("GET", f"/events/{event_id}", 200).json()
    return event


@pytest.mark.parametrize(
    ("currency", "typed"),
    [
        ("EUR", "-1"),
        ("EUR", "1e3"),
        ("JPY", "1000000001"),
        ("JPY", "12.5"),
        ("EUR", "12.345"),
        ("HUF", "1.001"),
        ("KWD", "1.2345"),
        ("EUR", "1,234.50"),
    ],
)
def test_an_amount_with_more_decimals_than_its_currency_has_is_refused(
    stack: Stack, browser: Window, organizer: Person, currency: str, typed: str
) -> None:
    browser.open(url(stack, "/sign-in?next=/my-events/new"))
    sign_in(browser, organizer)
    browser.fill("[name=title]", "Refused")
    browser.fill("[name=venue]", "Small hall")
    browser.fill("[name=city]", "Graz")
    choose(browser, "currency", currency)
    browser.fill("[name=price]", typed)
    browser.click("button", text="Create draft")
    browser.wait("document.querySelector('[name=price]').getAttribute('aria-invalid') === 'true'")
    assert browser.evaluate("location.pathname") == "/my-events/new"


def test_only_currencies_in_use_are_offered(
    stack: Stack, browser: Window, organizer: Person
) -> None:
    browser.open(url(stack, "/sign-in?next=/my-events/new"))
    sign_in(browser, organizer)
    offered = browser.wait(
        "[...document.querySelectorAll('[name=currency]')[0].list.options].map((o) => o.value)"
    )
    assert {"EUR", "HUF", "JPY", "KWD"} < set(offered)
    assert not {"ABC", "ZZZ", "XXX", "XTS", "DEM", "HRK"} & set(offered)


BACK = {"starts_at": "2027-10-31T00:30:00Z", "ends_at": "2027-10-31T01:30:00Z"}
FORTH = {"starts_at": "2027-03-28T00:30:00Z", "ends_at": "2027-03-28T01:30:00Z"}
MONTHS = {"starts_at": "2027-06-01T10:00:00Z", "ends_at": "2027-12-01T11:00:00Z"}
PLAIN = {"starts_at": "2027-06-01T17:00:00Z", "ends_at": "2027-06-01T19:00:00Z"}


@pytest.mark.parametrize(
    ("times", "shown"),
    [
        (BACK, ["2:30 AM (UTC+2)", "2:30 AM (UTC+1)"]),
        (FORTH, ["1:30 AM (UTC+1)", "3:30 AM (UTC+2)"]),
        (MONTHS, ["June 1, 2027", "12:00 PM (UTC+2)", "December 1, 2027", "12:00 PM (UTC+1)"]),
    ],
)
def test_start_and_end_each_show_their_offset_when_these_differ(
    stack: Stack, browser: Window, organizer: Person, times: Json, shown: list[str]
) -> None:
    event = publish(organizer, title="Clocks change", **times)
    browser.open(url(stack, f"/events/{event['id']}"))
    said = text(browser, ".facts dd")
    positions = [said.index(part) for part in shown]
    assert positions == sorted(positions), said
    assert "Central European Summer Time" in said and "Central European Standard Time" in said


def test_one_offset_is_said_once(stack: Stack, browser: Window, organizer: Person) -> None:
    event = publish(organizer, title="Clocks stay", **PLAIN)
    browser.open(url(stack, f"/events/{event['id']}"))
    said = text(browser, ".facts dd")
    assert "UTC" not in said and said.count("Central European") == 1


def test_saving_a_form_moves_no_time_that_was_not_touched(
    stack: Stack, browser: Window, organizer: Person
) -> None:
    """02:30 is twice on that night, and a form has no seconds."""
    times = {"starts_at": "2027-10-31T01:30:20Z", "ends_at": "2027-10-31T02:30:40Z"}
    event = publish(organizer, title="Second half past two", **times)
    browser.open(url(stack, f"/sign-in?next=/my-events/{event['id']}/edit"))
    sign_in(browser, organizer)
    browser.wait("document.querySelector('[name=title]')")
    browser.replace("[name=title]", "Retitled")
    browser.click("button", text="Save")
    browser.see("Saved.")
    after = organizer.send("GET", f"/events/{event['id']}", 200).json()
    assert after["title"] == "Retitled"
    assert (after["starts_at"], after["ends_at"]) == (event["starts_at"], event["ends_at"])


def test_a_time_that_the_clocks_leave_out_is_refused(
    stack: Stack, browser: Window, organizer: Person
) -> None:
    event = publish(organizer, title="Left out", **FORTH)
    browser.open(url(stack, f"/sign-in?next=/my-events/{event['id']}/edit"))
    sign_in(browser, organizer)
    browser.wait("document.querySelector('[name=starts_at]')")
    browser.evaluate("document.querySelector('[name=starts_at]').value = '2027-03-28T02:30'")
    browser.click("button", text="Save")
    browser.see("clocks go forward")


HEBREW = "(ערב ג'אז! (12:00"


def test_what_is_written_from_right_to_left_keeps_its_order(
    stack: Stack, browser: Window, organizer: Person
) -> None:
    names = {"title": HEBREW, "venue": "אולם 5", "city": "תל אביב", "category": "מוזיקה"}
    event = publish(organizer, description="שלום!\n\nHello!", timezone="Asia/Jerusalem", **names)
    browser.open(url(stack, f"/events/{event['id']}"))
    browser.wait("document.querySelector('h1')")
    direction = "getComputedStyle(document.querySelector('%s')).direction"
    assert browser.evaluate(direction % "h1 bdi, h1[dir=auto]") == "rtl"
    paragraphs = browser.evaluate(
        "[...document.querySelectorAll('.prose')].map((p) => getComputedStyle(p).direction)"
    )
    assert paragraphs == ["rtl", "ltr"]
    assert browser.evaluate("document.title").startswith("\u2068")
    browser.open(url(stack, "/?city=" + "%D7%AA%D7%9C%20%D7%90%D7%91%D7%99%D7%91"))
    browser.wait("document.querySelectorAll('.card').length >= 1")
    for selector in (".card h2", ".card .fact bdi", ".card .category"):
        assert browser.evaluate(direction % f"{selector}:not(:has(bdi)), {selector} bdi") == "rtl"


TITLES = r"""import(
    document.querySelector('[src$="/app.js"]').src.replace('app.js', 'parts.js')
).then(({ titleOf, placeName }) => [
    ...["\u200b\u2060", "\u3164 \u2800", "\u0301", " ", "\u00ad"].map((title) => titleOf({ title })),
    titleOf({ title: "\u200bJazz" }),
    placeName({ section: "\u05d0\u05d5\u05dc\u05dd\u202e", row: "1", number: 2 }),
])"""


def test_a_title_that_nobody_can_see_still_has_a_name_and_a_sentence_keeps_its_order(
    stack: Stack, browser: Window
) -> None:
    browser.open(url(stack))
    browser.see("Take your seat")
    *unseen, seen, seat = browser.evaluate(TITLES)
    assert unseen == ["Untitled event"] * 5
    assert seen == "\u200bJazz"
    assert seat == "\u2068\u05d0\u05d5\u05dc\u05dd\u2069, row 1, seat 2"


def test_long_words_do_not_widen_the_page(stack: Stack, browser: Window, organizer: Person) -> None:
    long = "Donaudampfschifffahrt" * 9
    event = publish(organizer, title=long, venue=long, city=long[:100], description=long * 20)
    browser.call(
        "Emulation.setDeviceMetricsOverride",
        width=390,
        height=800,
        deviceScaleFactor=1,
        mobile=True,
    )
    for path in (f"/events/{event['id']}", "/?q=" + long):
        browser.open(url(stack, path))
        browser.wait(f"document.body.innerText.includes('{long}')")
        # The text is there before its styles are.
        browser.wait("document.readyState === 'complete'")
        assert browser.evaluate("document.documentElement.scrollWidth") == 390


def test_nothing_is_asked_of_another_host(stack: Stack, browser: Window, organizer: Person) -> None:
    event = publish(organizer, title="Only from here")
    browser.open(url(stack, f"/sign-in?next=/events/{event['id']}"))
    sign_in(browser, organizer)
    browser.see("Only from here")
    browser.open(url(stack, "/account"))
    browser.see("Where you are signed in")
    hosts = {request["url"].split("/")[2].split(":")[0] for request in browser.requests}
    assert hosts == {"127.0.0.1"}
    assert not [request for request in browser.requests if request["headers"].get("Referer")]
