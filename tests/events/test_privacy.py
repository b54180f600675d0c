"""The privacy note and the contact, as the settings say."""

from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from event_service.privacy.notes import default_blocks, privacy_note, read_blocks
from event_service.settings import Settings


def note(settings: Settings, locale: Any = "en", **changes: str) -> Any:
    return privacy_note(settings.model_copy(update=changes), locale)


async def test_there_is_a_note_in_both_languages_without_any_setting(
    anybody: httpx.AsyncClient,
) -> None:
    english = (await anybody.get("/privacy")).json()
    russian = (await anybody.get("/privacy?locale=ru")).json()
    assert english["operator"] == [] and english["contact_email"] is None
    assert english["locale"] == "en" and russian["locale"] == "ru"
    kinds = [block["kind"] for block in english["blocks"]]
    assert {"heading", "paragraph", "list"} == set(kinds)
    assert [block["kind"] for block in russian["blocks"]] == kinds
    assert any("хранит" in text for block in russian["blocks"] for text in block["texts"])
    assert (await anybody.get("/privacy?locale=xx")).status_code == 422


def test_the_settings_name_operator_and_contact_and_replace_a_text(settings: Settings) -> None:
    chosen = note(
        settings,
        operator="Kesselhaus Music Society\n Street 1\n\n10115 Berlin",
        contact_email="hello@example.com",
        privacy_note_en="# Ours\nA line\nand its rest.\n\n- one\n  more\n- two",
    )
    assert chosen.operator == ["Kesselhaus Music Society", "Street 1", "10115 Berlin"]
    assert chosen.contact_email == "hello@example.com"
    assert [(block.kind, block.texts) for block in chosen.blocks] == [
        ("heading", ["Ours"]),
        ("paragraph", ["A line and its rest."]),
        ("list", ["one more", "two"]),
    ]
    # Of the other language the text that comes with the service stays.
    assert note(settings, "ru", privacy_note_en="x").blocks == default_blocks("ru")


@pytest.mark.parametrize("text", ["# Only a heading", "- one", "plain", "a\r\n\r\nb"])
def test_any_text_is_shown(text: str) -> None:
    assert all(block.texts and all(block.texts) for block in read_blocks(text))


@pytest.mark.parametrize(
    "address", ["nobody", "a@b", "a@b.c?subject=x", "<a@b.example>", "a b@c.de"]
)
def test_a_contact_that_is_no_address_is_refused(settings: Settings, address: str) -> None:
    with pytest.raises(ValidationError, match="must be an e-mail address"):
        Settings.model_validate(settings.model_dump() | {"contact_email": address})
