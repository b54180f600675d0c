"""Erased accounts: the check beforehand, and the notification of the other services."""
