"""A mail as somebody may look at it before, or without, its being sent."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from notification_service.kinds.registry import KINDS, MalformedPayload, read_payload
from notification_service.messages.incoming import MAX_KIND

Language = Literal["en", "ru"]


class TemplateList(BaseModel):
    """The kinds of mail, by name."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"kinds": [*sorted(KINDS)]}]})

    kinds: list[str]


class Preview(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "booking-confirmed",
                    "locale": "en",
                    "subject": "Your tickets: Goldberg Variations by Candlelight",
                    "text": "Your booking is confirmed\n...",
                    "html": "<!DOCTYPE html>...",
                    "attachments": ["event.ics"],
                }
            ]
        }
    )

    kind: str
    locale: Language
    subject: str
    text: str
    html: str
    attachments: list[str]


class PreviewRequest(BaseModel):
    """What a mail would be written from; who reads it is made up."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"kind": "reset-password", "data": {}, "locale": "en"}],
        }
    )

    kind: Annotated[str, Field(max_length=MAX_KIND)]
    data: dict[str, Any]
    locale: Language = "en"

    @model_validator(mode="after")
    def data_fits_the_kind(self) -> Self:
        try:
            read_payload(self.kind, self.data)
        except MalformedPayload as error:
            raise ValueError(error.reason) from None
        return self
