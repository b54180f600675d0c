"""Mails as somebody may look at them without their being sent."""
