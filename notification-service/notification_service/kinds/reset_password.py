"""Sends the link with which a person chooses a new password."""

from typing import ClassVar

from notification_service.kinds.accounts import AccountPayload
from notification_service.kinds.base import SupersededBy


class ResetPassword(AccountPayload):
    kind: ClassVar[str] = "reset-password"
    superseded_by: ClassVar[SupersededBy] = SupersededBy(newer_about_address=True)
    link_page: ClassVar[str | None] = "reset"
    needs_verified_address: ClassVar[bool] = False
