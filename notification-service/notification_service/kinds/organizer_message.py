"""Brings guests what the organizer of their event wrote to them."""

from typing import Annotated, Any, ClassVar

from pydantic import Field

from notification_service.kinds.base import Line, Paragraphs
from notification_service.kinds.events import EventPayload
from notification_service.kinds.sample_texts import SampleTexts
from notification_service.rendering.context import RenderContext
from notification_service.rendering.texts import inline_text


class OrganizerMessage(EventPayload):
    kind: ClassVar[str] = "organizer-message"
    keeps_order: ClassVar[bool] = True

    subject: Annotated[Line, Field(min_length=1, max_length=200)]
    body: Annotated[Paragraphs, Field(min_length=1, max_length=20_000)]

    def template_values(self, context: RenderContext) -> dict[str, Any]:
        return super().template_values(context) | {
            "message_subject": inline_text(self.subject),
            "message_body": self.body,
        }

    @classmethod
    def sample(cls, texts: SampleTexts) -> dict[str, Any]:
        return texts.event() | {"subject": texts["subject"], "body": texts["body"]}
