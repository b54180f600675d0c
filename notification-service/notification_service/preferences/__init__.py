"""Preferences: what people want to be told."""
