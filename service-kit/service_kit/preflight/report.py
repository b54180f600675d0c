"""All checks together, in the order in which somebody would mend what they find."""

import os
from collections.abc import Mapping
from email.utils import parseaddr
from pathlib import Path
from typing import Any

from service_kit.connection_urls import smtp_url
from service_kit.preflight import mail_server, public, servers
from service_kit.preflight.secrets import FOLDER, Secrets
from service_kit.preflight.services import load_all
from service_kit.settings import ServiceSettings
from service_kit.settings_sources import read_secret

SET_PASSWORD = "give it by ./scripts/secrets --set smtp_password"


def examine_host(folder: Path = FOLDER) -> tuple[list[str], list[str]]:
    """Problems, each a line with what to do, and remarks on what could not be tried. Takes some
    twenty seconds at most."""
    is_development = os.environ.get("ENVIRONMENT", "production") == "development"
    secrets = Secrets(folder)
    problems = list(secrets.examine(is_development=is_development))
    loaded, wrong = load_all()
    problems += wrong
    remarks: list[str] = []
    if not is_development:
        problems += public.examine(os.environ)
        problems += _examine_mail(loaded.get("notification"), secrets.values, remarks)
    if loaded:
        found, untried = servers.examine(next(iter(loaded.values())), secrets.values)
        problems += found
        remarks += untried
    return problems, remarks


def _examine_mail(settings: Any, secrets: Mapping[str, str], remarks: list[str]) -> list[str]:
    """``settings`` are notification-service's, which the kit does not know; None if they are wrong."""
    if settings is None:
        return []
    url, password = _whole_url(), secrets["smtp_password"]
    if not url:
        if settings.smtp_user and not password:
            return ["SMTP_USER is set, but secrets/smtp_password is empty: " + SET_PASSWORD]
        if password and not settings.smtp_user:
            return ["secrets/smtp_password is set, but SMTP_USER is not: name the user in .env"]
        url = smtp_url({**_parts(settings), "smtp_password": password}) or ""
    if os.environ.get("PREFLIGHT_MAIL") == "skip":
        remarks.append("the mail server was not asked, as PREFLIGHT_MAIL=skip says")
        return []
    return mail_server.examine(url, parseaddr(settings.mail_from)[1])


def _parts(settings: ServiceSettings) -> dict[str, Any]:
    names = ("smtp_host", "smtp_port", "smtp_security", "smtp_user")
    return {name: getattr(settings, name) for name in names}


def _whole_url() -> str:
    """As releases before wanted it; it wins over its parts."""
    file = os.environ.get("SMTP_URL_FILE")
    return read_secret(file) if file else os.environ.get("SMTP_URL", "")
