"""A sample of each kind, its recipient and its link: for previews, warming up and tests."""

from datetime import timedelta
from typing import Any

from notification_service.kinds.base import Payload
from notification_service.kinds.registry import KINDS, read_payload
from notification_service.kinds.sample_texts import TEXTS, SampleTexts
from notification_service.rendering.context import Link, Recipient
from service_kit.clock import utc_now


def sample_data(kind: str, locale: str = "en") -> dict[str, Any]:
    """The ``data`` that a message of this kind has; empty if there is no such kind."""
    model = KINDS.get(kind)
    return model.sample(SampleTexts(locale)) if model else {}


def sample_payload(kind: str, locale: str = "en") -> Payload:
    return read_payload(kind, sample_data(kind, locale))


def sample_recipient(locale: str) -> Recipient:
    return Recipient(name=TEXTS[locale]["name"], locale=locale)


def sample_link() -> Link:
    return Link(token="sample-token", expires_at=utc_now() + timedelta(hours=1))
