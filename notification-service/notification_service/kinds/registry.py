"""Finds the kinds of mail in this package, and reads payloads by kind."""

import importlib
import inspect
import pkgutil

from pydantic import ValidationError

from notification_service import kinds
from notification_service.kinds.base import Payload


class MalformedPayload(Exception):
    """The data does not fit the kind. ``reason`` names fields and quotes nothing."""

    def __init__(self, reason: str) -> None:
        super().__init__("malformed payload")
        self.reason = reason


def find_kinds() -> dict[str, type[Payload]]:
    """The kinds by name. Each stands in a module of its own, ``event_changed.py`` for ``event-changed``."""
    found: dict[str, type[Payload]] = {}
    for module_info in pkgutil.iter_modules(kinds.__path__):
        module_name = f"{kinds.__name__}.{module_info.name}"
        module = importlib.import_module(module_name)
        for _, model in inspect.getmembers(module, inspect.isclass):
            if issubclass(model, Payload) and "kind" in vars(model):
                found[model.kind] = model
    return found


KINDS = find_kinds()


def read_payload(kind: str, data: object) -> Payload:
    """Raises MalformedPayload."""
    model = KINDS.get(kind)
    if model is None:
        raise MalformedPayload("This kind of message is not known here.")
    try:
        return model.model_validate(data)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False, include_context=False)
        fields = sorted({".".join(str(part) for part in e["loc"][:3]) or "data" for e in found})
        shown = ", ".join(fields[:5])
        raise MalformedPayload(f"The message lacks or mistakes: {shown}.") from None
