"""What superusers do at /admin, by keyboard where it counts; every view at 360 and at 1440 pixels."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from stack.services import AUTH
from stack.stack import Stack
from tests.page.windows import DESKTOP, PHONE, Windows, assert_accessible, sign_in
from tests.system.people import Json, Person, publish

PARTS = ("", "/users", "/events", "/failures", "/previews")


@pytest.fixture(scope="session")
def root(person: Callable[..., Person], stack: Stack) -> Person:
    """A superuser: an account made by registration, promoted as operators do."""
    made = person("root", full_name="Rosa Root")
    subprocess.run(
        [sys.executable, "-m", "auth_service.cli", "promote", made.email],
        env=stack.environments.of(AUTH),
        check=True,
        capture_output=True,
    )
    made.sign_in()
    return made


def press(target: Locator) -> None:
    """As somebody without a mouse."""
    target.focus()
    target.press("Enter")


def agree(page: Page, name: str) -> None:
    press(page.get_by_role("dialog").get_by_role("button", name=name))


def account(root: Person, person: Person) -> Json:
    users = root.send("GET", "/users", 200, params={"email": person.email}).json()
    (found,) = users["items"]
    return dict(found)


def test_nobody_else_finds_it(page: Page, guest: Person) -> None:
    sign_in(page, guest)
    page.goto("/admin/users")
    expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()
    expect(page.get_by_role("link", name="Administration")).to_have_count(0)


def test_every_part_is_accessible(window: Page, root: Person, organizer: Person) -> None:
    publish(organizer, title="For the look of it")
    sign_in(window, root)
    for part in PARTS:
        window.goto(f"/admin{part}")
        expect(window.get_by_role("navigation", name="Administration")).to_be_visible()
        assert_accessible(window)
    window.goto(f"/admin/users/{account(root, organizer)['id']}")
    expect(window.get_by_role("heading", name="What happened")).to_be_visible()
    assert_accessible(window)


def test_somebody_is_found_confirmed_signed_out_and_deactivated(
    phone: Page, root: Person, person: Callable[..., Person]
) -> None:
    someone = person("lost", verified=False, full_name="Lotte Lost")
    sign_in(phone, root)
    phone.goto("/admin")
    press(phone.get_by_role("link", name="Users", exact=True))
    search = phone.get_by_role("searchbox", name="E-mail address or name")
    search.fill(someone.email)
    search.press("Enter")
    expect(phone.locator(".admin-list li")).to_have_count(1)
    press(phone.get_by_role("link", name="Lotte Lost"))
    expect(phone.get_by_text("Address not confirmed")).to_be_visible()

    press(phone.get_by_role("button", name="Confirm the address"))
    expect(phone.locator(".badge", has_text="Address confirmed")).to_be_visible()
    assert account(root, someone)["is_verified"] is True

    press(phone.get_by_role("button", name="Sign out everywhere"))
    agree(phone, "Sign out everywhere")
    expect(phone.get_by_text("Nowhere.")).to_be_visible()
    someone.send("GET", "/users/me", 401)

    press(phone.get_by_role("button", name="Deactivate"))
    agree(phone, "Deactivate")
    expect(phone.locator(".badge", has_text="Deactivated")).to_be_visible()
    expect(phone.get_by_role("heading", level=1)).to_be_focused()
    expect(phone.get_by_role("row", name="Session ended")).to_be_visible()
    assert account(root, someone)["is_active"] is False


def test_the_own_account_keeps_its_role(page: Page, root: Person) -> None:
    sign_in(page, root)
    page.goto(f"/admin/users/{account(root, root)['id']}")
    expect(page.get_by_text("This is your own account")).to_be_visible()
    expect(page.get_by_role("button", name="Deactivate")).to_have_count(0)
    expect(page.get_by_role("button", name="Take superuser rights")).to_have_count(0)


def test_an_event_of_somebody_is_cancelled(
    desktop: Page, root: Person, organizer: Person, guest: Person
) -> None:
    draft = publish(organizer, title="Theremin night")
    guest.book(draft)
    sign_in(desktop, root)
    desktop.goto(f"/admin/events?q={draft['id']}")
    expect(desktop.get_by_role("link", name="Open the desk")).to_have_attribute(
        "href", f"/my-events/{draft['id']}"
    )
    press(desktop.get_by_role("button", name="Cancel: Theremin night"))
    dialog = desktop.get_by_role("dialog")
    expect(dialog).to_contain_text("1 guest gets a mail")
    dialog.get_by_label("Reason").fill("The hall is closed.")
    agree(desktop, "Cancel event")
    expect(desktop.locator(".badge", has_text="Cancelled")).to_be_visible()
    expect(desktop.locator("h2:focus")).to_contain_text("Theremin night")


def test_a_draft_is_found_and_published(page: Page, root: Person, organizer: Person) -> None:
    body = publish(organizer, title="Glass harmonica")
    copy = organizer.send(
        "POST", f"/events/{body['id']}/duplicate", 201, json={"starts_at": body["starts_at"]}
    ).json()
    sign_in(page, root)
    page.goto(f"/admin/events?q={copy['id']}")
    press(page.get_by_role("button", name="Publish: Glass harmonica"))
    expect(page.locator(".badge", has_text="Published")).to_be_visible()


def failure(number: int, **more: Any) -> Json:
    return {
        "id": f"0198c0de-0000-7000-8000-{number:012x}",
        "kind": "booking-confirmed",
        "user_id": f"0198c0de-0000-7000-8000-{number:012x}",
        "error": "550 No such mailbox",
        "attempts": number,
        "at": "2026-11-26T10:00:00Z",
    } | more


def test_failed_mails_are_sent_again_one_or_all(phone: Page, root: Person) -> None:
    """The answers are made up: how mails fail is for tests of the service."""
    items = [failure(1), failure(2, user_id=None), failure(3), failure(4)]
    retried: list[str] = []

    def listed(route: Route) -> None:
        route.fulfill(json={"items": items, "next_cursor": None}, headers=cors(phone))

    def retry(route: Route) -> None:
        retried.append(route.request.url.split("/")[-2])
        route.fulfill(status=202, json={}, headers=cors(phone))

    phone.route("**/notifications/failures?*", listed)
    phone.route("**/notifications/failures/*/retry", retry)
    sign_in(phone, root)
    phone.goto("/admin/failures")
    expect(phone.get_by_text("names nobody")).to_be_visible()
    assert_accessible(phone, looks=("light",))
    press(phone.get_by_role("button", name="Send again: Booking confirmed").first)
    expect(phone.locator("[data-id]")).to_have_count(2)
    press(phone.get_by_role("button", name="Send all 2 again"))
    expect(phone.locator("[data-id]")).to_have_count(0)
    expect(phone.locator(".admin-list li")).to_have_count(1)
    expect(phone.get_by_role("heading", level=1)).to_be_focused()
    assert [int(one[-12:], 16) for one in retried] == [1, 3, 4]


def cors(page: Page) -> dict[str, str]:
    origin = "/".join(page.url.split("/")[:3])
    return {"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": "true"}


@pytest.mark.parametrize("locale", ["en", "ru"])
def test_every_mail_is_seen_in_a_frame(page: Page, root: Person, locale: str) -> None:
    sign_in(page, root)
    page.goto(f"/admin/previews?kind=event-changed&locale={locale}")
    frame = page.frame_locator("iframe.mail")
    expect(frame.get_by_role("heading", level=1)).to_be_visible()
    kinds = page.locator("select[name=kind] option").evaluate_all("all => all.map((o) => o.value)")
    assert len(kinds) > 10
    # The styles of the mail apply: the page's own policy would drop them.
    colour = frame.locator(".button a").first.evaluate("(a) => getComputedStyle(a).backgroundColor")
    assert colour == "rgb(138, 21, 56)"
    page.get_by_role("combobox", name="As designed").select_option("text")
    expect(page.locator("pre.mail-text")).to_contain_text(
        "Goldberg" if locale == "en" else "Гольдберг"
    )


def test_the_overview_says_how_the_services_are(page: Page, root: Person, stack: Stack) -> None:
    sign_in(page, root)
    page.goto("/")
    press(page.get_by_role("link", name="Administration"))
    expect(page.locator(".service-card .badge.good")).to_have_count(3)
    flower = page.get_by_role("link", name="Flower")
    assert str(stack.ports["flower"]) in str(flower.get_attribute("href"))


def test_it_is_in_russian_too(windows: Windows, root: Person) -> None:
    page = windows.open(**(PHONE | {"locale": "ru-RU"}))
    sign_in(page, root)
    for part in PARTS:
        page.goto(f"/admin{part}")
        expect(page.get_by_role("navigation", name="Управление")).to_be_visible()
        # A word that is missing would show its key.
        assert "admin." not in page.locator("main").inner_text()
    assert_accessible(page, looks=("light",))


def test_the_privacy_note_is_reached_from_every_view(windows: Windows) -> None:
    for options, link, contact in (
        (PHONE, "Privacy", "Contact"),
        (DESKTOP | {"locale": "ru-RU"}, "Личные данные", "Контакт"),
    ):
        page = windows.open(**options)
        page.goto("/")
        press(page.get_by_role("link", name=link))
        expect(page.get_by_role("heading", level=1, name=link)).to_be_visible()
        assert_accessible(page)
        press(page.get_by_role("contentinfo").get_by_role("link", name=contact))
        expect(page.get_by_role("heading", level=2, name=contact)).to_be_focused()
