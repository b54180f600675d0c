"""Asking notification-service for mails, and the links in them."""
