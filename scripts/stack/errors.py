"""What goes wrong in front of people: one line that says what to do next."""


class StackError(Exception):
    """Its text is shown to a person as it stands."""
