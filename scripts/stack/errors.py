"""Errors that people see: one line that says what happened and what to do next."""


class StackError(Exception):
    """Its text is shown to a person as it stands."""
