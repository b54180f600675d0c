"""Whoever adds a status of a booking finds here what must know it."""

import re

import pytest

from event_service.bookings.calendar import STATES
from event_service.bookings.tickets import REFUSALS
from event_service.statuses import BookingStatus
from event_service.web.files import read_files


def page_file(name: str) -> str:
    return read_files().by_name[name].content.decode()


def test_each_has_a_state_in_calendars() -> None:
    assert STATES.keys() == set(BookingStatus)


def test_each_without_a_ticket_says_why() -> None:
    assert REFUSALS.keys() == set(BookingStatus) - {BookingStatus.CONFIRMED}


def test_each_has_a_color_on_the_page() -> None:
    kinds = re.search(r"STATUS_KINDS = \{(.*?)\}", page_file("views/bookings.js"), re.DOTALL)
    assert kinds is not None
    assert set(re.findall(r'"?([\w-]+)"?: "', kinds[1])) == set(BookingStatus)


@pytest.mark.parametrize("language", ["en", "ru"])
def test_each_has_a_name_on_the_page(language: str) -> None:
    names = set(re.findall(r'"status\.([\w-]+)":', page_file(f"locales/{language}.js")))
    assert set(BookingStatus) <= names
