"""Each view has an address of its own: links, Back, reload, old links, and sessions that end meanwhile."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.page.windows import sign_in
from tests.system.people import Mailbox, Person, publish
from tests.system.verification import TOKEN, text_of

MakePerson = Callable[..., Person]


def test_links_lead_through_views_and_back_without_loading_the_page_anew(
    page: Page, organizer: Person
) -> None:
    event = publish(organizer, title="There and back")
    page.goto("/?q=there+back")
    page.evaluate("() => { window.isSame = true; }")
    page.get_by_role("link", name="There and back").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("There and back")
    expect(page).to_have_url(re.compile(rf"/events/{event['id']}$"))
    expect(page).to_have_title("There and back · Parterre")
    page.go_back()
    expect(page.locator("[name=q]")).to_have_value("there back")
    page.go_forward()
    expect(page.get_by_role("heading", level=1)).to_have_text("There and back")
    assert page.evaluate("window.isSame")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("There and back")


def test_back_finds_the_place_in_a_list_where_one_was(phone: Page, organizer: Person) -> None:
    for number in range(8):
        publish(organizer, title=f"Scrolled {number}")
    phone.goto("/?q=scrolled")
    link = phone.get_by_role("link", name="Scrolled 6")
    link.scroll_into_view_if_needed()
    before = phone.evaluate("scrollY")
    assert before > 200
    link.click()
    expect(phone.locator(".panel")).to_be_visible()
    assert phone.evaluate("scrollY") < before
    phone.go_back()
    phone.wait_for_function("before => Math.abs(scrollY - before) < 5", arg=before)
    phone.reload()
    phone.wait_for_function("before => Math.abs(scrollY - before) < 5", arg=before)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("/#/events/{id}", "/events/{id}"),
        ("/#/?q=older", "/?q=older"),
        ("/#/sign-in?next=%2Fbookings", "/sign-in?next=%2Fbookings"),
        ("/#/bookings", "/sign-in?next=%2Fbookings"),
        ("/#/unsubscribe?token=AAAA", "/unsubscribe"),
        ("/#//elsewhere.example/", "/elsewhere.example"),
    ],
)
def test_old_links_lead_on(page: Page, organizer: Person, old: str, new: str) -> None:
    event = publish(organizer, title="Of older days")
    page.goto(old.format(id=event["id"]))
    expect(page.locator("main h1, main h2").first).to_be_visible()
    host = re.escape(page.evaluate("location.origin"))
    expect(page).to_have_url(re.compile(host + re.escape(new.format(id=event["id"])) + "$"))


def test_an_old_link_of_a_mail_confirms_an_address(
    page: Page, mailbox: Mailbox, person: MakePerson
) -> None:
    newcomer = person("page-old-link", verified=False)
    (mail,) = mailbox.wait_for(newcomer.email, 1)
    token = TOKEN.search(text_of(mail))
    assert token and f"/verify#{token[1]}" in text_of(mail)
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url))
    page.goto(f"/#/verify?token={token[1]}")
    page.get_by_role("button", name="Confirm this address").click()
    expect(page.get_by_text("Your address is confirmed")).to_be_visible()
    assert page.evaluate("location.pathname + location.search + location.hash") == "/verify"
    # What stands behind a # is not sent.
    assert not [url for url in seen if token[1] in url.partition("#")[0]]


@pytest.mark.parametrize(
    "target",
    ["//elsewhere.example/", "/\\elsewhere.example/", "https://elsewhere.example/", "/sign-in"],
)
def test_sign_in_leads_nowhere_else(page: Page, guest: Person, target: str) -> None:
    page.goto(f"/sign-in?next={target}")
    page.locator("[name=email]").fill(guest.email)
    page.locator("[name=password]").fill("correct-horse-7-battery")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Take your seat")
    assert page.evaluate("location.pathname") == "/"


def test_who_is_not_signed_in_comes_back_to_where_one_wanted_to_go(
    page: Page, guest: Person
) -> None:
    page.goto("/")
    page.goto("/account")
    expect(page).to_have_url(re.compile(r"/sign-in\?next=%2Faccount$"))
    page.locator("[name=email]").fill(guest.email)
    page.locator("[name=password]").fill("correct-horse-7-battery")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/account$"))
    # Not to the form, which has done its work.
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Take your seat")


def test_who_signs_out_in_another_window_leaves_nothing_to_read(page: Page, guest: Person) -> None:
    sign_in(page, guest)
    page.goto("/bookings")
    expect(page.get_by_role("heading", level=1)).to_have_text("My bookings")
    other = page.context.new_page()
    other.goto("/")
    other.get_by_role("button", name="Sign out").click()
    expect(other.get_by_text("You are signed out")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/sign-in\?next=%2Fbookings$"))
    expect(page.locator("#notices")).not_to_be_empty()


def test_a_session_that_was_ended_elsewhere_asks_to_sign_in(page: Page, guest: Person) -> None:
    sign_in(page, guest)
    page.goto("/")
    expect(page.locator(".person .name")).to_have_text("Nadia Needle")
    page.context.clear_cookies(name=re.compile("session"))
    page.get_by_role("link", name="My bookings").click()
    expect(page).to_have_url(re.compile(r"/sign-in\?next=%2Fbookings$"))


def test_an_unknown_path_is_a_page_that_says_so(page: Page) -> None:
    answer = page.goto("/nothing/at-all")
    assert answer and answer.status == 404
    expect(page.get_by_role("heading", level=1)).to_have_text("There is nothing here")
    page.locator("main").get_by_role("link", name="See all events").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Take your seat")
