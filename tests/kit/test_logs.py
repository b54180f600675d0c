"""Who writes a log line, and from which level on."""

import json
from typing import Any

import pytest
import structlog

from service_kit.logs import configure_logging

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
