"""A mail's history, as its reader may see it."""

from typing import Any

from service_kit.clock import utc_now


def entry(status: str, note: str | None = None) -> list[dict[str, Any]]:
    """One step, in a list so that PostgreSQL appends it with ``||``."""
    return [{"at": utc_now().isoformat().replace("+00:00", "Z"), "status": status, "note": note}]
