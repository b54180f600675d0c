"""Mails written for a look at them: the reader is made up, pictures are part of the page."""

import base64

from notification_service.messages.contents import KINDS, Content
from notification_service.rendering.letter import LetterWriter
from notification_service.rendering.samples import sample_content, sample_link, sample_reader
from notification_service.rendering.schemas import Language, Preview
from service_kit.clock import utc_now
from service_kit.problems import NotFound


def preview_sample(writer: LetterWriter, kind: str, locale: Language) -> Preview:
    """Raises NotFound for a kind that there is not."""
    if kind not in KINDS:
        raise NotFound
    return preview(writer, kind, sample_content(kind, locale), locale)


def preview(writer: LetterWriter, kind: str, content: Content, locale: Language) -> Preview:
    letter = writer.write(
        kind,
        content,
        sample_reader(locale),
        now=utc_now(),
        link=sample_link(),
        unsubscribe_token="sample-token" if kind == "event-reminder" else None,
    )
    html = letter.html
    for cid, png in letter.images.items():
        html = html.replace(f"cid:{cid}", f"data:image/png;base64,{base64.b64encode(png).decode()}")
    return Preview(
        kind=kind,
        locale=locale,
        subject=letter.subject,
        text=letter.text,
        html=html,
        attachments=["event.ics"] if letter.calendar else [],
    )
