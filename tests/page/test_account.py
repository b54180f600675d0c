"""One's own account: address, password, devices, data, the end of it."""

import json
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.page.windows import assert_accessible, sign_in
from tests.system.people import PASSWORD, Mailbox, Person, publish

MakePerson = Callable[..., Person]


def open_account(page: Page, owner: Person) -> None:
    sign_in(page, owner)
    page.goto("/account")
    expect(page.get_by_role("heading", name="Account")).to_be_visible()


def test_every_part_of_the_account_is_accessible(window: Page, person: MakePerson) -> None:
    open_account(window, person("parts"))
    for summary in window.locator("summary").all():
        summary.press("Enter")
    expect(window.locator(".devices li.current")).to_contain_text("Chrome on Linux")
    expect(window.get_by_text("Times are in Berlin time.")).to_be_visible()
    assert_accessible(window)


def test_a_new_address_waits_for_its_mail_and_the_old_one_can_be_kept(
    window: Page, person: MakePerson, mailbox: Mailbox
) -> None:
    owner = person("moves")
    address = f"moved-to-{owner.email}"
    open_account(window, owner)
    window.get_by_text("Change the e-mail address").first.press("Enter")
    window.get_by_label("New e-mail address").fill(address)
    password = window.locator("[name=current_password]").first
    password.fill(PASSWORD)
    window.get_by_role("button", name="Show password").first.press("Enter")
    expect(password).to_have_attribute("type", "text")
    expect(password).to_be_focused()
    window.keyboard.press("Enter")
    expect(window.get_by_text(f"We sent a mail to {address}")).to_be_visible()
    mailbox.wait_for(address, 1)
    # What comes in has no final colours yet.
    expect(window.locator(".toast")).to_have_count(0)
    assert_accessible(window, looks=("light", "dark"))
    window.get_by_role("button", name="Keep the old address").press("Enter")
    dialog = window.get_by_role("dialog")
    dialog.locator("[name=current_password]").fill(PASSWORD)
    dialog.get_by_role("button", name="Keep the old address").press("Enter")
    expect(window.get_by_text("Your address stays as it is.")).to_be_visible()
    expect(window.locator(".pending")).to_have_count(0)
    assert owner.send("GET", "/users/me", 200).json()["pending_email"] is None


def test_ones_data_comes_as_one_file(
    page: Page, organizer: Person, person: MakePerson, tmp_path: Path
) -> None:
    owner = person("data")
    booking = owner.book(publish(organizer, title="In the file")).json()
    open_account(page, owner)
    page.get_by_text("Your data").press("Enter")
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Download my data").press("Enter")
    file = tmp_path / downloading.value.suggested_filename
    downloading.value.save_as(file)
    data = json.loads(file.read_text())
    assert sorted(data) == ["account", "bookings", "mails"]
    assert data["account"]["account"]["email"] == owner.email
    assert [one["id"] for one in data["bookings"]["bookings"]] == [booking["id"]]
    assert "verify-email" in json.dumps(data["mails"])


def test_who_signs_out_everywhere_is_signed_out_here_too(page: Page, person: MakePerson) -> None:
    owner = person("everywhere")
    open_account(page, owner)
    page.get_by_text("Where you are signed in").press("Enter")
    page.get_by_role("button", name="Sign out everywhere, here too").press("Enter")
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    owner.send("GET", "/users/me", 401)


def test_an_organizer_is_led_to_the_events_and_others_are_erased_with_their_tickets(
    page: Page, organizer: Person, person: MakePerson
) -> None:
    owner = person("ends")
    booking = owner.book(publish(organizer, title="Without me")).json()
    event = publish(owner, title="Still to come")
    sign_in(page, owner)
    page.goto(f"/bookings/{booking['id']}")
    expect(page.locator(".kept")).to_contain_text("This device keeps these tickets")
    page.goto("/account")
    page.get_by_text("Erase account").first.press("Enter")
    for is_refused in (True, False):
        page.locator("[name=current_password]").last.fill(PASSWORD)
        page.keyboard.press("Enter")
        page.get_by_role("dialog").get_by_role("button", name="Erase account").press("Enter")
        if is_refused:
            expect(page.get_by_role("alert").get_by_role("link", name="My events")).to_be_visible()
            owner.send("POST", f"/events/{event['id']}/cancel", 200, json={})
    expect(page.get_by_text("Your account is erased.")).to_be_visible()
    assert page.evaluate("() => localStorage.getItem('parterre-tickets')") is None
    owner.send("GET", "/users/me", 401)
