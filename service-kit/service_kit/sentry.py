"""Sentry: what broke, where, in which release and for which request; never what people sent."""

import re
from typing import Any

import sentry_sdk
import structlog
from sentry_sdk.integrations.logging import LoggingIntegration
from sentry_sdk.types import Event, Hint

from service_kit.settings import ServiceSettings

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_LENGTH = re.compile(r"[0-9]{1,12}")


def configure_sentry(process: str, settings: ServiceSettings, **options: Any) -> None:
    """For the process called ``process``, such as ``event-service``. Does nothing without a DSN.
    ``options`` are further ones of the SDK.

    The release is ``SENTRY_RELEASE``, which an image sets to its version. Local variables are off because
    frames of the framework hold passwords and tokens whatever ``send_default_pii`` says; what is left is
    cut down to an allow-list.
    """
    if settings.sentry_dsn is None:
        return
    sentry_sdk.init(
        dsn=settings.sentry_dsn.get_secret_value(),
        server_name=process,
        environment=settings.environment,
        include_local_variables=False,
        max_request_body_size="never",
        send_default_pii=False,
        sample_rate=settings.sentry_sample_rate,
        traces_sample_rate=settings.sentry_traces_sample_rate,
        before_send=_prepare,
        before_send_transaction=without_personal_data,
        before_breadcrumb=lambda crumb, hint: None,
        # Errors are sent where they are caught for good, not wherever a library logs one.
        integrations=[LoggingIntegration(event_level=None)],
        **options,
    )
    sentry_sdk.set_tag("service", process)


def _prepare(event: Event, hint: Hint) -> Event:
    """Called where the error was caught, so the logs' context is the request's or the task's."""
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    if request_id:
        event.setdefault("tags", {})["request_id"] = str(request_id)
    return without_personal_data(event, hint)


def without_personal_data(event: Event, hint: Hint) -> Event:
    request: dict[str, Any] = event.get("request") or {}
    if request:
        # Whoever asks writes what he likes into each header; the request's id as we took it is a tag.
        method = request.get("method")
        event["request"] = {"method": method if method in METHODS else "(other)"}
        headers = (request.get("headers") or {}).items()
        length = next((value for key, value in headers if key.lower() == "content-length"), "")
        if _LENGTH.fullmatch(str(length)):
            event["request"]["headers"] = {"content-length": length}
    # Before a route is found, an event is named for the address, which may hold a ticket code.
    if (event.get("transaction_info") or {}).get("source") == "url":
        event["transaction"] = "(none)"
    trace = (event.get("contexts") or {}).get("trace") or {}
    trace.pop("data", None)
    spans: Any = event.get("spans") or []
    for span in spans:
        # Addresses of other services hold ids, and statements are known by their place.
        span.pop("data", None)
        if str(span.get("op", "")).startswith("http"):
            span["description"] = str(span.get("description", "")).partition(" ")[0]
    for value in (event.get("exception") or {}).get("values", []):
        # A message may quote a row or an address; its type and place say enough.
        value["value"] = "(withheld)"
    event.pop("logentry", None)
    event.pop("extra", None)
    event.pop("user", None)
    return event
