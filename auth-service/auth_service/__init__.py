"""Accounts, sign-in and the keys that every service trusts."""
