"""The names of before, for ``delivery`` until it uses the new ones."""

from notification_service.kinds.accounts import AccountPayload as AccountContent
from notification_service.kinds.base import Payload as Content
from notification_service.kinds.event_changed import EventChanged as ChangeContent
from notification_service.kinds.event_reminder import EventReminder as ReminderContent
from notification_service.kinds.events import EventSnapshot
from notification_service.kinds.registry import MalformedPayload as MalformedContent
from notification_service.kinds.registry import read_payload as read_content

__all__ = [
    "AccountContent",
    "ChangeContent",
    "Content",
    "EventSnapshot",
    "MalformedContent",
    "ReminderContent",
    "read_content",
]
