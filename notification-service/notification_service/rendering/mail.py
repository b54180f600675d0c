"""The names of before, for ``delivery`` until it uses the new ones."""

from notification_service.rendering.mime import (
    BadAddress,
    compose,
    message_id,
    recipient_address,
)

__all__ = ["BadAddress", "compose", "forget_lines", "message_id", "recipient_address"]


def forget_lines() -> None:
    """Nothing: no line is kept."""
