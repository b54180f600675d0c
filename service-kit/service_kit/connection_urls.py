"""Addresses with passwords, made from their parts: any character may stand in a password."""

from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import quote

from pydantic import SecretStr
from sqlalchemy import URL

SmtpSecurity = Literal["starttls", "tls", "none"]
SMTP_SCHEMES: Mapping[str, str] = {"none": "smtp", "tls": "smtps", "starttls": "smtp+starttls"}
SMTP_PORTS: Mapping[str, int] = {"none": 25, "tls": 465, "starttls": 587}


def build_urls(values: Mapping[str, Any]) -> dict[str, Any]:
    """``values`` of settings, with ``database_url``, ``broker_url`` and ``cache_redis_url`` built from
    parts where they are missing or empty and their parts are complete."""
    urls: dict[str, str | None] = {
        "database_url": _database_url(values),
        "broker_url": _redis_url(values, "broker"),
        "cache_redis_url": _redis_url(values, "cache"),
    }
    return with_urls(values, urls)


def with_urls(values: Mapping[str, Any], urls: Mapping[str, str | None]) -> dict[str, Any]:
    """``values`` with those of ``urls`` that it does not have. An empty line of ``.env`` arrives as an
    empty text: a URL, port or kind of security counts as missing then."""
    given = {
        key: value
        for key, value in values.items()
        if _text(value) or not (key in urls or key.endswith(("_port", "_security")))
    }
    return {key: url for key, url in urls.items() if url} | given


def smtp_url(values: Mapping[str, Any]) -> str | None:
    """From ``smtp_host``, ``smtp_port``, ``smtp_security``, ``smtp_user`` and ``smtp_password``."""
    host, user = _text(values.get("smtp_host")), _text(values.get("smtp_user"))
    security = _text(values.get("smtp_security")) or "starttls"
    if not host or security not in SMTP_SCHEMES:
        return None
    port = _text(values.get("smtp_port")) or SMTP_PORTS[security]
    password = _text(values.get("smtp_password"))
    sign_in = f"{_quoted(user)}:{_quoted(password)}@" if user else ""
    return f"{SMTP_SCHEMES[security]}://{sign_in}{_bracketed(host)}:{port}"


def _database_url(values: Mapping[str, Any]) -> str | None:
    host, name, user = (_text(values.get(f"database_{part}")) for part in ("host", "name", "user"))
    if not (host and name and user):
        return None
    url = URL.create(
        "postgresql+asyncpg",
        username=user,
        password=_text(values.get("database_password")),
        host=host,
        port=_port(values.get("database_port"), 5432),
        database=name,
    )
    return url.render_as_string(hide_password=False)


def _redis_url(values: Mapping[str, Any], role: str) -> str | None:
    host = _text(values.get(f"{role}_host"))
    if not host:
        return None
    password = _quoted(_text(values.get("redis_password")))
    port = _port(values.get(f"{role}_port"), 6379)
    return f"redis://:{password}@{_bracketed(host)}:{port}/0"


def _text(value: Any) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return "" if value is None else str(value)


def _port(value: Any, default: int) -> int:
    """The settings' own check names a port that is none."""
    text = _text(value)
    return int(text) if text.isdecimal() else default


def _quoted(text: str) -> str:
    return quote(text, safe="")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
