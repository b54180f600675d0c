"""What a line of a log says, in a few words for ``./scripts/trace``."""

from collections.abc import Callable
from typing import Any

Entry = dict[str, Any]
# They are in every line, or in the words.
COMMON = {
    "event", "msg", "level", "logger", "timestamp", "ts", "service", "request_id", "request_ids",
    "task_id", "exception",
}  # fmt: skip


def describe(entry: Entry) -> str:
    """One line, never with a control character of what a log quotes."""
    event = str(entry.get("event") or entry.get("msg") or "")
    try:
        words = _WORDS.get(event, _other)(entry)
    except (AttributeError, TypeError, ValueError, LookupError):
        # A program of others may call another thing by the same name.
        words = _fields(entry)
    return "".join(c if c.isprintable() else " " for c in words)


def _request(entry: Entry) -> str:
    return (
        f"{entry.get('method')} {entry.get('path')}: {entry.get('status')}"
        f" in {entry.get('milliseconds')} ms"
    )


def _gateway_request(entry: Entry) -> str:
    request = entry.get("request") or {}
    milliseconds = 1000 * float(entry.get("duration") or 0)
    return (
        f"{request.get('method')} {request.get('uri')}: {entry.get('status')}"
        f" in {milliseconds:.1f} ms"
    )


def _queued(entry: Entry) -> str:
    count = entry.get("count")
    together = "" if count == 1 else f", in a batch of {count}"
    return f"put on the queue for {entry.get('task')}{together}"


def _mail(entry: Entry) -> str:
    answer = f": {entry['answer']}" if entry.get("answer") else ""
    return (
        f"mail {entry.get('kind')} {entry.get('outcome')}, attempt {entry.get('attempt')},"
        f" {entry.get('milliseconds')} ms{answer}"
    )


def _other(entry: Entry) -> str:
    types = (entry.get("exception") or {}).get("types") or []
    return _fields(entry) + (f" exception={types[0]}" if types else "")


def _fields(entry: Entry) -> str:
    event = entry.get("event") or entry.get("msg") or "(no words)"
    fields = [f"{name}={value}" for name, value in entry.items() if name not in COMMON]
    return " ".join([str(event), *fields])


_WORDS: dict[str, Callable[[Entry], str]] = {
    "request": _request,
    "handled request": _gateway_request,
    "relay.queued": _queued,
    "mail.attempted": _mail,
}
