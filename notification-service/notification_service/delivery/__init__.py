"""Delivery: from a row to the mail server, and what it said."""
