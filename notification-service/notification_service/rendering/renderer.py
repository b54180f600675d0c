"""From a payload and its recipient to what the mail says and carries."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Protocol

from notification_service.rendering.context import Link, Recipient, RenderContext
from notification_service.rendering.formats import supported_locale
from notification_service.rendering.qr import qr_code
from notification_service.rendering.templates import Templates
from service_kit.calendar_files import Status, method_of


class Renderable(Protocol):
    """What is asked of a payload; ``kinds.base.Payload`` describes it."""

    kind: ClassVar[str]
    calendar_status: ClassVar[Status | None]

    def template_values(self, context: RenderContext) -> dict[str, Any]: ...

    def calendar_file(self, context: RenderContext) -> bytes | None: ...


@dataclass(frozen=True, slots=True)
class EmailContent:
    """A mail without its envelope. ``images`` are PNGs by their Content-ID, ``calendar`` a file of the
    method beside it (RFC 5546)."""

    subject: str
    text: str
    html: str
    locale: str
    images: dict[str, bytes] = field(default_factory=dict)
    calendar: bytes | None = None
    calendar_method: str = "PUBLISH"
    unsubscribe_url: str | None = None


class EmailRenderer:
    """``public_url`` is the only place that a mail ever links to; mail programs unsubscribe at ``api_url``,
    if that is another."""

    def __init__(self, public_url: str, *, api_url: str = "") -> None:
        self._url = public_url
        self._api_url = api_url or public_url
        self._templates = Templates()

    def render(
        self,
        payload: Renderable,
        recipient: Recipient,
        *,
        now: datetime,
        link: Link | None = None,
        unsubscribe_token: str | None = None,
    ) -> EmailContent:
        locale = supported_locale(recipient.locale)
        texts = self._templates.texts(locale)
        context = RenderContext(locale, self._url, now, texts, link)
        calendar = payload.calendar_file(context)
        values = payload.template_values(context) | {
            "name": recipient.greeting_name(),
            "public_url": self._url,
            "unsubscribe_url": None,
            "has_calendar": calendar is not None,
        }
        unsubscribe_api_url = None
        if unsubscribe_token is not None:
            values["unsubscribe_url"] = context.page(f"unsubscribe#{unsubscribe_token}")
            unsubscribe_api_url = (
                f"{self._api_url}/api/v1/notifications/unsubscribe/{unsubscribe_token}"
            )
        rendered = self._templates.render(payload.kind, locale, values)
        return EmailContent(
            subject=rendered.subject,
            text=rendered.text,
            html=rendered.html,
            locale=locale,
            images={ticket["cid"]: qr_code(ticket["code"]) for ticket in values.get("tickets", ())},
            calendar=calendar,
            calendar_method=method_of(payload.calendar_status or "CONFIRMED"),
            unsubscribe_url=unsubscribe_api_url,
        )
