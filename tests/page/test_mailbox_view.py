"""The mailbox of a development stack, as it is read on a phone."""

import re
from collections.abc import Callable

from playwright.sync_api import expect

from stack.stack import Stack
from tests.page.windows import PHONE, Windows, assert_accessible
from tests.system.people import Person


def test_a_mail_is_read_on_a_phone(
    windows: Windows, stack: Stack, person: Callable[..., Person]
) -> None:
    someone = person("reads-mails")
    page = windows.open(**(PHONE | {"locale": "en-US"}))
    page.goto(stack.url("mailbox"))
    page.get_by_role("searchbox").fill(someone.email)
    expect(page.locator("#list li")).to_have_count(1)
    assert_accessible(page, looks=("light", "dark"))
    page.locator("#list a").click()
    expect(page.get_by_role("heading", level=2, name="Confirm")).to_be_visible()
    # The day before the month, and 24 hours, as mails write it.
    expect(page.locator("dd.time")).to_have_text(re.compile(r"^\d{1,2} \w+ \d{4}, \d\d:\d\d:\d\d$"))
    assert_accessible(page, looks=("light", "dark"))
