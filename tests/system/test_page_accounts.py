"""Whose page it is: links in mails, windows of two accounts, cookies that are not kept."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stack.stack import Stack
from tests.system.browser import Browser, Window
from tests.system.conftest import CHROMIUM, PASSWORD, Mailbox, Person, publish
from tests.system.pages import needs_chromium, sign_in, url
from tests.system.verification import TOKEN, text_of

pytestmark = needs_chromium

MakePerson = Callable[..., Person]
Json = dict[str, Any]
RESET_TOKEN = re.compile(r"reset#([A-Za-z0-9._~-]+)")
BLOCK_COOKIES = {"profile": {"default_content_setting_values": {"cookies": 2}}}

# A window that hears neither of other windows nor that it is looked at again.
HEARS_NOTHING = """
    delete window.BroadcastChannel;
    const add = EventTarget.prototype.addEventListener;
    EventTarget.prototype.addEventListener = function (name, ...more) {
        if (!["focus", "pageshow", "visibilitychange"].includes(name)) add.call(this, name, ...more);
    };
"""


def token_of(mailbox: Mailbox, person: Person) -> str:
    (mail,) = mailbox.wait_for(person.email, 1)
    found = TOKEN.search(text_of(mail))
    assert found
    return found[1]


def signed_in_window(window: Window, stack: Stack, person: Person, path: str) -> None:
    window.open(url(stack, f"/sign-in?next={path}"))
    sign_in(window, person)
    window.wait("document.querySelector('.person .name')?.textContent.includes('Nadia')")
    window.wait("!location.pathname.startsWith('/sign-in')")


def bookings_of(person: Person) -> list[Json]:
    items: list[Json] = person.send("GET", "/bookings", 200).json()["items"]
    return items


def test_opening_the_link_of_a_mail_confirms_nothing_until_the_button_is_pressed(
    stack: Stack, browser: Window, mailbox: Mailbox, person: MakePerson
) -> None:
    newcomer = person("page-scanned", verified=False)
    token = token_of(mailbox, newcomer)
    browser.open(url(stack, f"/verify#{token}"))
    browser.wait("document.querySelector('main button')")
    assert [r for r in browser.requests if r["method"] not in ("GET", "OPTIONS")] == []
    assert not newcomer.send("GET", "/users/me", 200).json()["is_verified"]
    browser.see("Press the button")
    browser.click("main button", text="Confirm this address")
    browser.see("Your address is confirmed")
    assert newcomer.send("GET", "/users/me", 200).json()["is_verified"]
    assert all(token not in r["url"] for r in browser.requests if "/api/" in r["url"])


def test_the_token_of_a_link_leaves_the_address_bar_and_outlives_a_reload(
    stack: Stack, browser: Window, mailbox: Mailbox, person: MakePerson
) -> None:
    newcomer = person("page-token-bar", verified=False)
    token = token_of(mailbox, newcomer)
    browser.open(url(stack, f"/verify#{token}"))
    browser.see("Confirm this address")
    assert browser.evaluate("location.pathname + location.hash") == "/verify"
    history = browser.call("Page.getNavigationHistory")["entries"]
    assert [entry for entry in history if token in entry["url"]] == []
    browser.reload()
    browser.click("main button", text="Confirm this address")
    browser.see("Your address is confirmed")
    assert token not in browser.evaluate("JSON.stringify([sessionStorage, localStorage])")


def test_a_link_that_was_used_or_is_wrong_says_what_to_do_next(
    stack: Stack, browser: Window, mailbox: Mailbox, person: MakePerson
) -> None:
    newcomer = person("page-twice", verified=False)
    token = token_of(mailbox, newcomer)
    for said in ("Your address is confirmed", "confirmed already"):
        browser.open("about:blank")
        browser.open(url(stack, f"/verify#{token}"))
        browser.click("main button", text="Confirm this address")
        browser.see(said)
    browser.open(url(stack, "/verify#not-a-token"))
    browser.click("main button", text="Confirm this address")
    browser.see("does not work any more")
    browser.wait("document.querySelector('main [name=email]')")
    # The address is the same as after the press: only a new page is drawn anew.
    browser.open("about:blank")
    browser.open(url(stack, "/verify"))
    browser.see("Open the link in the mail once more")


def test_who_is_signed_in_as_somebody_else_is_told_whose_address_was_confirmed(
    stack: Stack, browser: Window, mailbox: Mailbox, person: MakePerson
) -> None:
    other, newcomer = person("page-other"), person("page-mine", verified=False)
    token = token_of(mailbox, newcomer)
    signed_in_window(browser, stack, other, "/account")
    browser.open(url(stack, f"/verify#{token}"))
    browser.click("main button", text="Confirm this address")
    browser.see("Your address is confirmed")
    browser.see(f"You are signed in here as {other.email}")
    assert newcomer.send("GET", "/users/me", 200).json()["is_verified"]


def test_a_new_password_by_the_link_of_a_mail(
    stack: Stack, browser: Window, mailbox: Mailbox, person: MakePerson
) -> None:
    forgetful = person("page-forgetful")
    forgetful.send("POST", "/auth/forgot-password", 202, json={"email": forgetful.email})
    mail = mailbox.wait_for(forgetful.email, 2)[-1]
    token = RESET_TOKEN.search(text_of(mail))
    assert token
    browser.open(url(stack, f"/reset#{token[1]}"))
    browser.fill("[name=password]", "another-horse-8-battery")
    assert browser.evaluate("location.pathname + location.hash") == "/reset"
    browser.press("Enter")
    browser.see("Your new password is set")
    browser.open("about:blank")
    browser.open(url(stack, f"/reset#{token[1]}"))
    browser.fill("[name=password]", "a-third-horse-9-battery")
    browser.press("Enter")
    browser.see("does not work any more")


def test_the_link_that_ends_reminders_waits_for_a_press_and_says_when_it_is_wrong(
    stack: Stack, browser: Window
) -> None:
    browser.open(url(stack, "/unsubscribe#" + "A" * 32))
    browser.see("Do you want no more mails")
    assert browser.evaluate("location.pathname + location.hash") == "/unsubscribe"
    assert [r for r in browser.requests if "unsubscribe/" in r["url"]] == []
    browser.click("main button", text="End reminders")
    browser.see("does not work any more")


def test_a_form_speaks_the_language_of_the_page(stack: Stack, browser: Window) -> None:
    browser.open(url(stack))
    browser.see("Take your seat")
    browser.click("button", text="Русский")
    browser.see("Займите своё место")
    browser.open(url(stack, "/register"))
    browser.click("main button", text="Завести аккаунт")
    browser.see("Заполните это поле")
    browser.fill("[name=password]", "short")
    browser.click("main button", text="Завести аккаунт")
    browser.see("Не меньше 10 символов")


@pytest.mark.parametrize("is_told", [True, False], ids=["told", "not told"])
def test_a_window_of_one_account_does_not_book_for_the_account_of_another_window(
    stack: Stack, browser: Window, organizer: Person, person: MakePerson, is_told: bool
) -> None:
    event = publish(organizer, title=f"Two windows {is_told}")
    ann, bob = person("page-ann"), person("page-bob")
    if not is_told:
        # What a window hears of others is a courtesy: each press must be safe without it.
        browser.call("Page.addScriptToEvaluateOnNewDocument", source=HEARS_NOTHING)
    signed_in_window(browser, stack, ann, f"/events/{event['id']}")
    browser.wait("document.querySelector('.panel .primary')")
    other = browser.beside()
    other.open(url(stack))
    other.click(".person button", text="Sign out")
    other.click(".person a", text="Sign in")
    sign_in(other, bob)
    other.wait("document.querySelector('.person .name')?.textContent.includes('Nadia')")
    if is_told:
        browser.see(f"You are signed in as {bob.email} now")
    else:
        browser.click("button", text="Book now")
        browser.see(f"You are signed in as {bob.email} now")
        browser.see("Nothing was sent")
    assert bookings_of(ann) == bookings_of(bob) == []
    browser.click("button", text="Book now")
    browser.see("Booked. Your tickets are ready.")
    assert browser.evaluate("document.getElementById('notices').textContent") == ""
    assert (len(bookings_of(ann)), len(bookings_of(bob))) == (0, 1)


def test_what_was_typed_for_one_account_stays_until_the_person_lets_go_of_it(
    stack: Stack, browser: Window, person: MakePerson
) -> None:
    ann, bob = person("page-typing"), person("page-intruding")
    signed_in_window(browser, stack, ann, "/my-events/new")
    browser.fill("[name=title]", "Half an hour of typing")
    other = browser.beside()
    other.open(url(stack))
    other.click(".person button", text="Sign out")
    other.see("You are signed out")
    browser.wait("document.querySelector('.person a')?.textContent === 'Sign in'")
    other.open(url(stack, "/sign-in?next=/account"))
    sign_in(other, bob)
    browser.see(f"You are signed in as {bob.email} now")
    assert browser.evaluate("document.querySelector('[name=title]').value") == (
        "Half an hour of typing"
    )
    browser.click("dialog button", text="Load the page")
    browser.wait("document.querySelector('[name=title]')?.value === ''")


def test_who_signs_in_anew_in_another_window_goes_on_in_the_first(
    stack: Stack, browser: Window, organizer: Person, person: MakePerson
) -> None:
    event = publish(organizer, title="Signed in twice")
    ann = person("page-again")
    signed_in_window(browser, stack, ann, f"/events/{event['id']}")
    browser.click("[aria-label='One more']")
    other = browser.beside()
    signed_in_window(other, stack, ann, "/account")
    browser.click("button", text="Book now")
    browser.see("Booked. Your tickets are ready.")
    (booking,) = bookings_of(ann)
    assert len(booking["seats"]) == 2


def test_who_signed_out_in_another_window_is_asked_to_sign_in_and_keeps_the_choice(
    stack: Stack, browser: Window, organizer: Person, person: MakePerson
) -> None:
    event = publish(organizer, title="Signed out")
    ann = person("page-out")
    signed_in_window(browser, stack, ann, f"/events/{event['id']}")
    browser.click("[aria-label='One more']")
    other = browser.beside()
    other.open(url(stack))
    other.click(".person button", text="Sign out")
    other.see("You are signed out")
    browser.click("button", text="Book now")
    browser.see("You are signed out")
    sign_in(browser, ann)
    browser.wait("document.querySelector('.stepper input').value === '2'")
    assert bookings_of(ann) == []


def test_a_browser_that_keeps_no_cookies_says_so(
    stack: Stack, tmp_path: Path, person: MakePerson
) -> None:
    assert CHROMIUM is not None
    guest = person("page-no-cookies")
    with Browser(CHROMIUM, tmp_path, BLOCK_COOKIES) as program:
        window = program.window
        window.open(url(stack, "/sign-in"))
        sign_in(window, guest)
        window.see("Your browser does not keep cookies")
        window.open(url(stack, "/register"))
        window.fill("[name=email]", "page-no-cookies-new@example.com")
        window.fill("[name=password]", PASSWORD)
        window.press("Enter")
        window.see("Your account is made")
        assert program.errors == []


def test_after_registering_the_page_says_when_the_next_mail_can_be_asked_for(
    stack: Stack, browser: Window, mailbox: Mailbox
) -> None:
    address = "page-registered@example.com"
    browser.open(url(stack, "/register"))
    browser.fill("[name=email]", address)
    browser.fill("[name=password]", PASSWORD)
    browser.press("Enter")
    browser.see(f"We sent a mail to {address}")
    browser.see("wait until then")
    rest = browser.wait("document.querySelector('#notices .rest')?.textContent")
    assert re.fullmatch(r"(0:[0-5]\d|1:00)", rest), rest
    assert browser.evaluate("document.querySelector('#notices button').disabled")
    mailbox.wait_for(address, 1)


def test_another_mail_can_be_asked_for_once_a_minute(
    stack: Stack, browser: Window, person: MakePerson
) -> None:
    guest = person("page-asking", verified=False, signed_in=False)
    browser.open(url(stack, "/verify#not-a-token"))
    browser.click("main button", text="Confirm this address")
    # The answer is the same whether or not there is an account.
    for number, address in enumerate(("page-nobody@example.com", guest.email)):
        browser.open("about:blank")
        browser.open(url(stack, f"/verify#not-a-token-{number}"))
        browser.click("main button", text="Confirm this address")
        browser.fill("main [name=email]", address)
        browser.press("Enter")
        browser.see(f"If {address} has an account")
        browser.see("You can ask for another in")
        assert browser.evaluate("document.querySelector('main button.again').disabled")


def test_an_address_that_no_mail_can_reach_is_refused_at_its_field(
    stack: Stack, browser: Window
) -> None:
    browser.open(url(stack, "/register"))
    browser.fill("[name=email]", "o’neil@example.com")
    browser.fill("[name=password]", PASSWORD)
    browser.press("Enter")
    browser.wait("document.querySelector('[name=email]').getAttribute('aria-invalid') === 'true'")
    said = browser.evaluate(
        "document.querySelector('[name=email]').closest('.field').querySelector('.error').textContent"
    )
    assert "’" in said and "'" in said, said


def test_one_signs_out_everywhere_else_at_one_press(
    stack: Stack, browser: Window, person: MakePerson
) -> None:
    guest = person("page-everywhere")
    signed_in_window(browser, stack, guest, "/account")
    other = browser.beside()
    signed_in_window(other, stack, guest, "/account")
    for window, number in ((other, 3), (other, 1)):
        window.reload()
        window.click("summary", text="Where you are signed in")
        window.wait(f"document.querySelectorAll('.rows li').length === {number}")
        if number > 1:
            window.click("button", text="Sign out everywhere else")
            window.see("You are signed out everywhere else")
            window.wait("document.querySelectorAll('.rows li').length === 1")


def test_a_guest_who_came_in_is_told_why_nothing_can_be_cancelled(
    stack: Stack, browser: Window, organizer: Person, person: MakePerson
) -> None:
    event = publish(organizer, title="Came in")
    guest = person("page-came-in")
    booking = guest.book(event).json()
    ticket = {"ticket_code": booking["seats"][0]["ticket_code"]}
    organizer.send("POST", f"/events/{event['id']}/check-ins", 200, json=ticket)
    signed_in_window(browser, stack, guest, f"/bookings/{booking['id']}")
    browser.see("Somebody came in with one of these tickets already")
    buttons = browser.evaluate(
        "[...document.querySelectorAll('main button')].map(b => b.innerText)"
    )
    assert not [text for text in buttons if "Cancel" in text]


def test_an_organizer_with_events_is_told_why_the_account_stays(
    stack: Stack, browser: Window, person: MakePerson
) -> None:
    host = person("page-host")
    publish(host, title="Still to come")
    signed_in_window(browser, stack, host, "/account")
    browser.click("summary", text="Erase account")
    browser.evaluate("[...document.querySelectorAll('[name=current_password]')].at(-1).focus()")
    browser.call("Input.insertText", text=PASSWORD)
    browser.press("Enter")
    browser.click("dialog button", text="Erase account")
    browser.see("You have published events that are not over")
    host.send("GET", "/users/me", 200)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("ann\u2013lee@example.com", "Type - instead"),
        ("ﬁona@example.com", "cannot stand in an e-mail address before the @"),
        ("jörg@example.com", "“ö” cannot stand in an e-mail address before the @"),
        ("a" * 65 + "@example.com", "At most 64 characters before the @"),
        ("ann@", "This is not an e-mail address"),
    ],
)
def test_what_is_wrong_with_an_address_stands_at_its_field(
    stack: Stack, browser: Window, address: str, said: str
) -> None:
    browser.open(url(stack, "/register"))
    browser.fill("[name=email]", address)
    browser.fill("[name=password]", PASSWORD)
    browser.press("Enter")
    browser.wait("document.querySelector('[name=email]').getAttribute('aria-invalid') === 'true'")
    text = browser.evaluate(
        "document.querySelector('[name=email]').closest('.field').querySelector('.error').textContent"
    )
    assert said in text
