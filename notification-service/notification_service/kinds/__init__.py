"""The kinds of mail: a file each, named after the kind, with all that is special about it.

``registry.py`` finds them. To add a kind, add its file and a template per language; nothing else
in this service names a kind. Shared parts: ``base.py``, ``events.py``, ``bookings.py``, ``accounts.py``.
"""
