"""Preferences: which optional mails users want."""
