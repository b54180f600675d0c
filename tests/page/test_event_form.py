"""The form of an event: mistakes beside fields, changes that are kept, zones, currencies and times."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.page.test_hall import DESK, assigned, choose_numbered, fill_texts, open_form, saved_id
from tests.page.windows import assert_accessible
from tests.system.people import Person, publish


def test_mistakes_stand_beside_their_fields_and_are_links_above(
    window: Page, organizer: Person
) -> None:
    open_form(window, organizer)
    window.locator("[name=venue]").fill("Small hall")
    choose_numbered(window)
    window.locator("[name=hall-price]").fill("12.345")
    window.get_by_role("button", name="Create draft").click()
    summary = window.locator(".form-mistakes")
    expect(summary).to_be_focused()
    links = summary.get_by_role("link")
    expect(links).to_have_text(
        [
            "Title: Please fill this in.",
            "City: Please fill this in.",
            "Stalls: Write an amount with at most 2 decimals.",
        ]
    )
    expect(window.locator("[name=title]")).to_have_attribute("aria-invalid", "true")
    assert_accessible(window)
    links.nth(1).press("Enter")
    expect(window.locator("[name=city]")).to_be_focused()
    links.nth(2).press("Enter")
    price = window.locator("[name=hall-price]")
    expect(price).to_be_focused()
    expect(price).to_have_attribute("aria-invalid", "true")
    price.fill("12")
    fill_texts(window, "Without mistakes")
    window.get_by_role("button", name="Create draft").click()
    saved_id(window)


def test_what_only_the_service_refuses_leads_to_its_section_too(
    page: Page, organizer: Person
) -> None:
    open_form(page, organizer)
    fill_texts(page, "Refused by the service")
    choose_numbered(page)
    page.get_by_role("button", name="Add a section").click()
    page.locator("[name=hall-section]").fill("\u200b")
    page.locator(".hall-tab").first.click()
    page.get_by_role("button", name="Create draft").click()
    link = page.locator(".form-mistakes").get_by_role("link")
    expect(link).to_contain_text("Write something that can be seen.")
    expect(page.locator(".hall-tab").nth(1)).to_contain_text("Look here")
    link.click()
    expect(page.locator("[name=hall-section]")).to_be_focused()
    expect(page.locator("[name=hall-section]")).to_have_attribute("aria-invalid", "true")


def test_unsaved_changes_are_kept_and_offered_again(page: Page, organizer: Person) -> None:
    event = publish(organizer, title="As it was", seating=assigned(4, 4))
    path = f"/my-events/{event['id']}/edit"
    open_form(page, organizer, path)
    page.locator("[name=title]").fill("As it will be")
    page.locator(".hall-grid").focus()
    page.keyboard.press("a")
    page.locator("nav").get_by_role("link", name="My events").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Leave without saving?")
    dialog.get_by_role("button", name="Stay here").click()
    expect(page.locator("[name=title]")).to_have_value("As it will be")
    # Back to the desk where one came from.
    page.get_by_role("main").get_by_role("link", name="As it was").click()
    page.get_by_role("dialog").get_by_role("button", name="Leave").click()
    expect(page).to_have_url(DESK)

    page.goto(path)
    expect(page.locator("[name=title]")).to_have_value("As it was")
    page.get_by_role("button", name="Go on with them").click()
    expect(page.locator("[name=title]")).to_have_value("As it will be")
    expect(page.locator(".hall-grid .hall-cell.is-accessible")).to_have_count(1)
    page.get_by_role("button", name="Save").click()
    expect(page).to_have_url(DESK)
    assert organizer.send("GET", f"/events/{event['id']}", 200).json()["title"] == "As it will be"
    page.goto(path)
    expect(page.locator("[name=title]")).to_be_visible()
    expect(page.get_by_role("button", name="Go on with them")).to_have_count(0)


def test_who_was_overtaken_loses_nothing(page: Page, organizer: Person) -> None:
    event = publish(organizer, title="Overtaken")
    open_form(page, organizer, f"/my-events/{event['id']}/edit")
    organizer.send("PATCH", f"/events/{event['id']}", 200, json={"city": "Linz"})
    page.locator("[name=title]").fill("Overtaking")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Load it again").click()
    expect(page.locator("[name=city]")).to_have_value("Linz")
    expect(page.get_by_text("The event was changed since then.")).to_be_visible()
    page.get_by_role("button", name="Throw them away").click()
    expect(page.locator("[name=title]")).to_have_value("Overtaken")


@pytest.mark.parametrize(
    ("name", "typed", "value"),
    [
        ("timezone", "sao paulo", "America/Sao_Paulo"),
        ("timezone", "utc", "UTC"),
        ("currency", "forint", "HUF"),
        ("currency", "kwd", "KWD"),
    ],
)
def test_zones_and_currencies_are_found_by_a_part_of_their_name(
    page: Page, organizer: Person, name: str, typed: str, value: str
) -> None:
    open_form(page, organizer)
    field = page.locator(f"[name={name}]")
    field.fill(typed)
    field.press("Tab")
    expect(field).to_have_value(value)
    field.fill("nowhere at all")
    field.press("Tab")
    expect(field).to_have_attribute("aria-invalid", "true")


def test_times_are_those_of_the_place_and_say_their_offset(page: Page, organizer: Person) -> None:
    open_form(page, organizer)
    fill_texts(page, "In New York")
    page.locator("[name=timezone]").fill("new york")
    page.locator("[name=timezone]").press("Tab")
    starts = page.locator(".field", has=page.locator("[name=starts_at]"))
    page.locator("[name=starts_at]").fill("2027-03-14T02:30")
    expect(starts.locator(".error")).to_contain_text("the clocks go forward over it")
    page.locator("[name=starts_at]").fill("2027-11-07T01:30")
    expect(starts.locator(".hint")).to_contain_text("comes twice")
    page.locator("[name=starts_at]").fill("2027-06-01T19:00")
    expect(starts.locator(".hint")).to_contain_text(
        re.compile(r"19:00 \(UTC−4\).* 01:00 .*\(UTC\+2\)")
    )
    page.locator("[name=ends_at]").fill("2027-06-01T22:00")
    page.locator("[name=doors_at]").fill("2027-06-01T20:00")
    page.get_by_role("button", name="Create draft").click()
    link = page.locator(".form-mistakes").get_by_role("link")
    expect(link).to_have_text("Doors open: Doors open within the 24 hours before the start.")
    page.locator("[name=doors_at]").fill("2027-06-01T18:15")
    page.locator("[name=organizer_name]").fill("The society")
    page.locator("[name=payment_note]").fill("In cash")
    page.locator("summary", has_text="When seats are on sale").click()
    page.locator("[name=cancellation_deadline]").fill("2027-05-31T12:00")
    page.get_by_role("button", name="Create draft").click()
    event = organizer.send("GET", f"/events/{saved_id(page)}", 200).json()
    expected = {
        "timezone": "America/New_York", "starts_at": "2027-06-01T23:00:00Z",
        "doors_at": "2027-06-01T22:15:00Z", "organizer_name": "The society",
        "payment_note": "In cash", "cancellation_deadline": "2027-05-31T16:00:00Z",
    }  # fmt: skip
    assert {name: event[name] for name in expected} == expected
