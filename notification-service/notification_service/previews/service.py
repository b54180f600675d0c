"""Renders mails for a look at them: the recipient is made up, pictures are part of the page."""

import base64

from notification_service.kinds.base import Payload
from notification_service.kinds.registry import KINDS
from notification_service.previews.samples import sample_link, sample_payload, sample_recipient
from notification_service.previews.schemas import Language, Preview
from notification_service.rendering.renderer import EmailRenderer
from service_kit.clock import utc_now
from service_kit.problems import NotFound


def preview_sample(renderer: EmailRenderer, kind: str, locale: Language) -> Preview:
    """Raises NotFound for a kind that does not exist."""
    if kind not in KINDS:
        raise NotFound
    return preview(renderer, sample_payload(kind, locale), locale)


def preview(renderer: EmailRenderer, payload: Payload, locale: Language) -> Preview:
    content = renderer.render(
        payload,
        sample_recipient(locale),
        now=utc_now(),
        link=sample_link(),
        unsubscribe_token="sample-token" if payload.is_optional else None,
    )
    html = content.html
    for cid, png in content.images.items():
        html = html.replace(f"cid:{cid}", f"data:image/png;base64,{base64.b64encode(png).decode()}")
    return Preview(
        kind=payload.kind,
        locale=locale,
        subject=content.subject,
        text=content.text,
        html=html,
        attachments=["event.ics"] if content.calendar else [],
    )
