"""The names of before, until event-service uses the new ones."""

from service_kit.database.bulk_inserts import ALLOW_LONG_STATEMENTS, NEW_ID_IN_SQL, json_object
from service_kit.messaging.notifications import write_notifications

__all__ = ["ALLOW_LONG_STATEMENTS", "NEW_ID_IN_SQL", "json_object", "write_notifications"]
