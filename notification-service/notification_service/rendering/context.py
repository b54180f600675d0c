"""What a mail is rendered with, beside its payload: recipient, language, moment and secret link."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from notification_service.rendering.formats import Formats, formats_for
from notification_service.rendering.texts import greeting_name, one_line


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom a mail is for; ``name`` is what somebody typed, and is cleaned here."""

    name: str | None
    locale: str

    def greeting_name(self) -> str | None:
        return greeting_name(str(one_line(self.name))) if self.name else None


@dataclass(frozen=True, slots=True)
class Link:
    """A secret of the account for the mail's button; it ends at ``expires_at``."""

    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class RenderContext:
    """What a kind of mail makes the values of its templates from. ``texts`` are the texts that all
    mails of the language share (``texts.j2``)."""

    locale: str
    public_url: str
    now: datetime
    texts: Any
    link: Link | None = None

    @property
    def formats(self) -> Formats:
        return formats_for(self.locale)

    def page(self, path: str) -> str:
        """The address of one of the web page's pages."""
        return f"{self.public_url}/{path}"
