"""The names of before, for ``delivery`` until it uses the new ones."""

from datetime import datetime

from notification_service.rendering.context import Link, Recipient
from notification_service.rendering.renderer import EmailContent, EmailRenderer, Renderable

__all__ = ["LetterWriter", "Link", "Reader"]
Reader = Recipient


class LetterWriter(EmailRenderer):
    def write(
        self,
        kind: str,
        content: Renderable,
        reader: Recipient,
        *,
        now: datetime,
        link: Link | None = None,
        unsubscribe_token: str | None = None,
    ) -> EmailContent:
        return self.render(content, reader, now=now, link=link, unsubscribe_token=unsubscribe_token)
