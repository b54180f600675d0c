"""Where people reach this host, and whom its mails are from."""

from collections.abc import Mapping
from email.utils import parseaddr
from ipaddress import ip_address
from urllib.parse import urlsplit

# What .env.example shows, and where no mail arrives.
EXAMPLES = ("example.com", "example.net", "example.org")


def examine(environment: Mapping[str, str]) -> list[str]:
    """A line for each of PUBLIC_URL, PUBLIC_HOST, MAIL_FROM and FLOWER_USER that cannot be right."""
    url, host = environment.get("PUBLIC_URL", ""), environment.get("PUBLIC_HOST", "")
    problems = [*_examine_url(url), *_examine_host(url, host)]
    if is_public(url):
        problems += _examine_sender(environment.get("MAIL_FROM", ""))
    if ":" in environment.get("FLOWER_USER", ""):
        problems.append("FLOWER_USER contains a colon, which ends the name in a sign-in")
    return problems


def is_public(url: str) -> bool:
    """Whether others than this machine are to reach it."""
    host = _host(url)
    if host in ("", "localhost") or host.endswith(".localhost"):
        return False
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return True


def _examine_url(url: str) -> list[str]:
    parts = urlsplit(url)
    if not is_public(url):
        return []
    if parts.scheme != "https":
        return [f"PUBLIC_URL={url} must begin with https://: passwords travel over it"]
    if parts.path.strip("/") or parts.query or parts.fragment:
        return [f"PUBLIC_URL={url} must end after the host: there is no path below which to serve"]
    if _is_example(_host(url)):
        return [f"PUBLIC_URL={url} is the example's: name the host where people reach this one"]
    return []


def _examine_host(url: str, host: str) -> list[str]:
    if not host or _host(url) == host.lower():
        return []
    if "/" in host or ":" in host:
        return [f"PUBLIC_HOST={host} must be a host name alone, such as {_host(url)}"]
    return [f"PUBLIC_HOST={host}, but PUBLIC_URL={url}: both must name the same host"]


def _examine_sender(mail_from: str) -> list[str]:
    domain = parseaddr(mail_from)[1].rpartition("@")[2].lower()
    if domain == "localhost" or _is_example(domain):
        return [
            f"MAIL_FROM={mail_from} is a placeholder: give an address of a domain that your mail"
            " server sends for"
        ]
    return []


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def _is_example(host: str) -> bool:
    return any(host == example or host.endswith(f".{example}") for example in EXAMPLES)
