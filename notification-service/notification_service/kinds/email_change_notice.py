"""Warns the current address that the account is about to use another one."""

from typing import ClassVar

from notification_service.kinds.accounts import AccountPayload
from notification_service.kinds.base import Account


class EmailChangeNotice(AccountPayload):
    kind: ClassVar[str] = "email-change-notice"

    def unneeded_note(self, account: Account) -> str | None:
        # Without a pending address the one that was to be warned is not known any more.
        is_pending = account.pending_email is not None
        return None if is_pending else "The change of address is made or withdrawn."
