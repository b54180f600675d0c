"""Who writes a log line, and from which level on."""

import json
from typing import Any

import pytest
import structlog

from service_kit.observability.logs import configure_logging
from service_kit.sentry import without_personal_data
from service_kit.web.middleware import loggable_path

log = structlog.get_logger()


def test_the_settings_of_the_last_configuration_hold_for_loggers_in_use(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def said(service: str, level: str) -> list[dict[str, Any]]:
        configure_logging(service, level)
        for name in ("debug", "info", "warning", "error"):
            getattr(log, name)("it.happened", name=name)
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    for service, level, written in (
        ("first", "WARNING", ["warning", "error"]),
        ("second", "INFO", ["info", "warning", "error"]),
        ("third", "ERROR", ["error"]),
        ("fourth", "INFO", ["info", "warning", "error"]),
    ):
        lines = said(service, level)
        assert [line["level"] for line in lines] == written
        assert {line["service"] for line in lines} == {service}


SECRETS = {
    "/api/v1/events/0198c0de-0000-7000-8000-00000000000a/check-ins/6F2C0A81D5E94B7730A1C2D3E4F506":
        "/api/v1/events/0198c0de-0000-7000-8000-00000000000a/check-ins/*",
    "/api/v1/events/x/check-ins/7K3M-9QXT-2BVA-WD5H/": "/api/v1/events/x/check-ins/*/",
    "/api/v1/events/x/check-ins/abcd-efgh-jkmn-pqrs": "/api/v1/events/x/check-ins/*",
    "/api/v1/events/x/check-ins/abcdefghjkmnpqrs": "/api/v1/events/x/check-ins/*",
    "/api/v1/auth/request-verify-token": "/api/v1/auth/request-verify-token",
    "/api/v1/notifications/unsubscribe/Zk3_abcdefghijklmnop": "/api/v1/notifications/unsubscribe/*",
    "/api/v1/notifications/unsubscribe/abcdefghijklmnopabcdefghijklmnopqr":
        "/api/v1/notifications/unsubscribe/*",
    "/verify/ann@example.com": "/verify/*",
    "/.well-known/jwks.json": "/.well-known/jwks.json",
    "/api/v1/bookings/0198c0de-0000-7000-8000-00000000000a/calendar.ics":
        "/api/v1/bookings/0198c0de-0000-7000-8000-00000000000a/calendar.ics",
    "/x\n{}": "/*",
    "/" + "a/" * 5_000: "/a/a/a/a/a/a/a/a/a/*",
    "/" + "x" * 50_000: "/*",
}  # fmt: skip


@pytest.mark.parametrize("path", SECRETS)
def test_a_path_is_logged_without_what_might_be_a_secret(path: str) -> None:
    assert loggable_path(path) == SECRETS[path]


def test_sentry_gets_no_address() -> None:
    event: Any = {
        "transaction": "http://localhost/api/v1/events/x/check-ins/CODE",
        "transaction_info": {"source": "url"},
        "request": {"url": "http://localhost/CODE", "query_string": "CODE", "method": "GET"},
        "contexts": {"trace": {"data": {"url": "CODE"}, "op": "http.server"}},
        "spans": [{"op": "http.client", "description": "GET http://a/CODE", "data": {"u": "CODE"}}],
    }
    told = without_personal_data(event, {})
    assert "CODE" not in json.dumps(told)
    named: Any = {
        "transaction": "/api/v1/events/{event_id}",
        "transaction_info": {"source": "route"},
    }
    assert without_personal_data(named, {})["transaction"] == "/api/v1/events/{event_id}"
