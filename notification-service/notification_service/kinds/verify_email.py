"""Asks a person to confirm an address: that of a new account, or the one to change to."""

from typing import ClassVar

from notification_service.kinds.accounts import AccountPayload
from notification_service.kinds.base import Account, SupersededBy


class VerifyEmail(AccountPayload):
    kind: ClassVar[str] = "verify-email"
    superseded_by: ClassVar[SupersededBy] = SupersededBy(newer_about_address=True)
    link_page: ClassVar[str | None] = "verify"
    needs_verified_address: ClassVar[bool] = False

    def recipient_email(self, account: Account) -> str:
        if self.address == "pending" and account.pending_email is not None:
            return account.pending_email
        return account.email

    def unneeded_note(self, account: Account) -> str | None:
        if self.address == "pending":
            is_waiting = account.pending_email is not None
            return None if is_waiting else "No new address is waiting to be confirmed."
        return "The address is confirmed already." if account.is_verified else None
