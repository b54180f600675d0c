"""The steps of a mail as its recipient may see them."""

from typing import Any

from notification_service.statuses import MailStatus
from service_kit.clock import utc_now


def entry(status: MailStatus, note: str | None = None) -> list[dict[str, Any]]:
    """One step, in a list so that PostgreSQL appends it with ``||``."""
    return [{"at": utc_now().isoformat().replace("+00:00", "Z"), "status": status, "note": note}]
