"""A mailbox for development: takes every mail over SMTP, keeps it in memory, shows it over HTTP.

It speaks as MailHog 1.0 does, JSON field by JSON field with the peculiarities of its parser, so that
what reads one can read the other.
"""
