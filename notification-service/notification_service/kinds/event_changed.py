"""Tells guests what changed about their event: name, time or location, before and after."""

from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from pydantic import model_validator

from notification_service.kinds.base import SupersededBy
from notification_service.kinds.events import EventNews, EventSnapshot, event_values
from notification_service.kinds.sample_texts import BOOKING_ID, SampleTexts
from notification_service.rendering.context import RenderContext
from service_kit.calendar_files import Status


class EventChanged(EventNews):
    kind: ClassVar[str] = "event-changed"
    superseded_by: ClassVar[SupersededBy] = SupersededBy(
        about_event=("event-cancelled",), newer_about_event=True
    )
    tells_changes: ClassVar[bool] = True
    calendar_status: ClassVar[Status | None] = "CONFIRMED"
    expired_note: ClassVar[str] = "The event was over."

    changes: dict[str, tuple[Any, Any]] = {}

    @model_validator(mode="after")
    def changes_fit_the_event(self) -> Self:
        self.before()
        return self

    def before(self) -> EventSnapshot:
        """The event as it was."""
        old = {name: values[0] for name, values in self.changes.items()}
        return EventSnapshot.model_validate({**self.event.model_dump(), **old})

    def is_expired(self, now: datetime) -> bool:
        return self.event.ends_at <= now

    def template_values(self, context: RenderContext) -> dict[str, Any]:
        new, old = (event_values(event, context.locale) for event in (self.event, self.before()))
        texts = context.texts
        labels = ((texts.title, "titles"), (texts.time, "when"), (texts.where, "location"))
        changes = [
            {"label": label, "old": old[key], "new": new[key]}
            for label, key in labels
            if old[key] != new[key]
        ]
        return super().template_values(context) | {"changes": changes}

    @classmethod
    def sample(cls, texts: SampleTexts) -> dict[str, Any]:
        about_event = texts.event()
        event, earlier = about_event["event"], texts.starts_at() - timedelta(hours=1)
        return about_event | {
            "booking_ids": [str(BOOKING_ID)],
            "changes": {
                "venue": [texts["old_venue"], event["venue"]],
                "starts_at": [earlier.isoformat(), event["starts_at"]],
            },
            "reason": texts["moved"],
        }
