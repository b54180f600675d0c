"""Rendering: from a message and a person to a mail."""
