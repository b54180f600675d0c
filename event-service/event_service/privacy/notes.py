"""Reads the privacy note: the settings' text of a language, or the one that comes with the service.

Plain text: a blank line ends a paragraph, ``# `` begins a heading, ``- `` an item of a list.
"""

import re
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from event_service.settings import Settings

FOLDER = Path(__file__).parent
Language = Literal["en", "ru"]


class Block(BaseModel):
    kind: Literal["heading", "paragraph", "list"]
    texts: list[str] = Field(description="One text, or the items of a list.")


class PrivacyNote(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "locale": "en",
                    "operator": ["Kesselhaus Music Society", "Example Street 1, 10115 Berlin"],
                    "contact_email": "hello@example.com",
                    "blocks": [{"kind": "heading", "texts": ["What is stored"]}],
                }
            ]
        }
    )

    locale: Language
    operator: list[str] = Field(description="Who answers for the site, in lines; may be empty.")
    contact_email: str | None
    blocks: list[Block]


def privacy_note(settings: Settings, locale: Language) -> PrivacyNote:
    """The operator's own text, or the default one."""
    chosen = settings.privacy_note_ru if locale == "ru" else settings.privacy_note_en
    return PrivacyNote(
        locale=locale,
        operator=[line.strip() for line in settings.operator.splitlines() if line.strip()],
        contact_email=settings.contact_email or None,
        blocks=read_blocks(chosen) if chosen.strip() else default_blocks(locale),
    )


@cache
def default_blocks(locale: Language) -> list[Block]:
    return read_blocks((FOLDER / f"{locale}.txt").read_text())


def read_blocks(text: str) -> list[Block]:
    """Parts of a text, divided by empty lines: ``# `` begins a heading, ``- `` an item of a list."""
    blocks = []
    for part in re.split(r"\n\s*\n", text.replace("\r\n", "\n").strip()):
        lines = [line.strip() for line in part.split("\n")]
        if lines[0].startswith("# "):
            blocks.append(Block(kind="heading", texts=[lines.pop(0).removeprefix("# ")]))
        if lines and lines[0].startswith("- "):
            blocks.append(Block(kind="list", texts=_items(lines)))
        elif lines:
            blocks.append(Block(kind="paragraph", texts=[" ".join(lines)]))
    return blocks


def _items(lines: list[str]) -> list[str]:
    """A line without a dash goes on with the item before it."""
    items: list[str] = []
    for line in lines:
        if line.startswith("- "):
            items.append(line.removeprefix("- "))
        else:
            items[-1] += f" {line}"
    return items
