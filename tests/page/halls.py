"""Halls for tests of the seat map, and what one does in it."""

from typing import Any

from playwright.sync_api import Locator, Page, expect

Json = dict[str, Any]

THEATRE: Json = {
    "kind": "assigned",
    "sections": [
        {
            "name": "Stalls",
            "price": 4500,
            "rows": [
                {"name": "A", "seats": "aassssssss__ssssssssaa"},
                *({"name": name, "seats": "ssssssssss__ssssssssss"} for name in "BCDEFG"),
            ],
        },
        {
            "name": "Balcony",
            "price": 3000,
            "rows": [{"name": name, "seats": "ssss_ssssxxssss_ssss"} for name in "AB"],
        },
    ],
}


def arena(sections: int, rows: int, columns: int) -> Json:
    """A hall with an aisle in each row."""
    seats = "s" * (columns // 2) + "_" + "s" * (columns - columns // 2)
    return {
        "kind": "assigned",
        "sections": [
            {
                "name": f"Block {section}",
                "price": 9000 - 1000 * (section % 4),
                "rows": [{"name": f"{row + 1}", "seats": seats} for row in range(rows)],
            }
            for section in range(sections)
        ],
    }


def open_event(page: Page, event: Json) -> None:
    page.goto(f"/events/{event['id']}")
    expect(page.locator(".plan")).to_be_visible()
    expect(page.locator(".offer").first).to_be_visible()


def seat(page: Page, name: str) -> Locator:
    """A seat by its name for screen readers, such as "Stalls. Row B, seat 2"."""
    return page.locator(f'.hall .seat[aria-label^="{name},"]')


def chosen(page: Page) -> Locator:
    return page.locator(".chosen-seats li")
