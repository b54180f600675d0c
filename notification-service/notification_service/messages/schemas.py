"""Requests and responses about mails."""

from datetime import UTC, datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from notification_service.kinds.base import MAX_VERSION
from notification_service.kinds.registry import MalformedPayload, read_payload
from notification_service.messages.incoming import (
    MAX_DEDUP_KEY,
    MAX_KIND,
    Incoming,
    read_message,
)
from notification_service.models import Notification
from notification_service.statuses import MailStatus
from service_kit.ids import new_id
from service_kit.text import Line

MAX_IDS = 1000
EXAMPLE_ID = "0198c0de-0000-7000-8000-00000000b00c"

Utc = Annotated[datetime, AfterValidator(lambda at: at.astimezone(UTC))]


class Step(BaseModel):
    at: Utc
    status: MailStatus
    note: str | None


class NotificationPublic(BaseModel):
    """One's own mail without its text: its subject and its state."""

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={
            "examples": [
                {
                    "id": EXAMPLE_ID,
                    "kind": "booking-confirmed",
                    "status": "sent",
                    "attempts": 1,
                    "last_error": None,
                    "booking_id": EXAMPLE_ID,
                    "event_id": EXAMPLE_ID,
                    "created_at": "2026-11-23T18:00:00Z",
                    "sent_at": "2026-11-23T18:00:01Z",
                    "timeline": [
                        {"at": "2026-11-23T18:00:00Z", "status": "queued", "note": None},
                        {"at": "2026-11-23T18:00:00Z", "status": "sending", "note": None},
                        {"at": "2026-11-23T18:00:01Z", "status": "sent", "note": None},
                    ],
                }
            ]
        },
    )

    id: UUID
    kind: str
    status: MailStatus
    attempts: int
    last_error: str | None
    booking_id: UUID | None
    event_id: UUID | None
    created_at: Utc
    sent_at: Utc | None
    timeline: list[Step]


class FailurePublic(BaseModel):
    """A mail of anybody that could not be sent, without its text and its address."""

    id: UUID
    kind: str
    user_id: UUID | None = Field(description="Null where the message named nobody.")
    error: str = Field(description="Why, in plain words.")
    attempts: int
    at: Utc = Field(description="When it was given up.")

    @classmethod
    def of(cls, row: Notification) -> Self:
        return cls(
            id=row.id,
            kind=row.kind,
            user_id=row.user_id,
            error=row.last_error or "",
            attempts=row.attempts,
            at=row.timeline[-1]["at"] if row.timeline else row.created_at,
        )


class NotificationQuery(BaseModel):
    status: MailStatus | None = None
    booking_id: UUID | None = None


class NotificationCreate(BaseModel):
    """A mail that a service requests. ``data`` depends on the kind and contains neither an address nor a
    name: auth-service is asked for them when the mail is prepared."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "reset-password",
                    "user_id": EXAMPLE_ID,
                    "data": {},
                    "dedup_key": f"reset-password:{EXAMPLE_ID}:1",
                }
            ]
        }
    )

    kind: Annotated[str, Field(max_length=MAX_KIND)]
    user_id: UUID
    data: dict[str, Any] = {}
    dedup_key: Annotated[str, Line(MAX_DEDUP_KEY)]
    version: int = Field(0, ge=0, le=MAX_VERSION, strict=True)

    @model_validator(mode="after")
    def data_fits_the_kind(self) -> Self:
        try:
            read_payload(self.kind, self.data)
        except MalformedPayload as error:
            raise ValueError(error.reason) from None
        return self

    def as_message(self, request_id: str) -> Incoming:
        return read_message(
            {
                "id": str(new_id()),
                "kind": self.kind,
                "user_id": str(self.user_id),
                "dedup_key": self.dedup_key,
                "version": self.version,
                "data": self.data,
                "request_id": request_id,
            }
        )


class NotificationId(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"id": EXAMPLE_ID}]})

    id: UUID


class MessageIds(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"ids": [EXAMPLE_ID]}]})

    ids: Annotated[list[UUID], Field(max_length=MAX_IDS, fail_fast=True)]


class MissingIds(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"missing": [EXAMPLE_ID]}]})

    missing: list[UUID]
