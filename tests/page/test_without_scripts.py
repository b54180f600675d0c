"""What is read where JavaScript is turned off: the list, a search, an event, the privacy note."""

import pytest
from playwright.sync_api import Page, expect

from tests.page.windows import DESKTOP, PHONE, Windows
from tests.system.people import Person, publish


@pytest.fixture(params=["phone", "desktop"])
def reader(request: pytest.FixtureRequest, windows: Windows) -> Page:
    """A window that runs no scripts of a page."""
    shape = PHONE if request.param == "phone" else DESKTOP
    return windows.open(**shape, java_script_enabled=False)


def test_an_event_is_found_and_read(reader: Page, organizer: Person) -> None:
    publish(organizer, title="Read on paper", city="Weimar", description="A text.\n\nAnother.")
    publish(organizer, title="Somewhere else", city="Gera")
    reader.goto("/")
    reader.locator("[name=q]").fill("paper")
    reader.locator("[name=city]").select_option("Weimar")
    reader.get_by_role("button", name="Search").click()
    expect(reader.locator(".card").first).to_contain_text("Read on paper")
    expect(reader.get_by_text("Somewhere else")).to_have_count(0)
    expect(reader.locator("[name=q]")).to_have_value("paper")
    reader.get_by_role("link", name="Read on paper").first.click()
    expect(reader.get_by_role("heading", level=1)).to_have_text("Read on paper")
    expect(reader.locator(".prose")).to_have_text(["A text.", "Another."])


def test_the_other_language_and_the_privacy_note_are_links(reader: Page) -> None:
    reader.goto("/")
    reader.get_by_role("link", name="Русский").click()
    expect(reader.get_by_role("heading", level=1)).to_have_text("Займите своё место")
    reader.get_by_role("link", name="Личные данные").click()
    expect(reader.get_by_role("heading", level=1)).to_have_text("Личные данные")
