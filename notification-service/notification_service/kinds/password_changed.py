"""Warns a person that the password of the account was changed."""

from typing import ClassVar

from notification_service.kinds.accounts import AccountPayload


class PasswordChanged(AccountPayload):
    kind: ClassVar[str] = "password-changed"
