"""What a user agent says of a device, in words that its owner knows: the browser and the system.

Browsers name several others to be served like them: the first name of the table that is found is the one that
counts. A table in place of a library: agents have been frozen for years, and the libraries hold thousands of
patterns for devices that nobody signs in with.
"""

import re
from dataclasses import dataclass

_BROWSERS = {
    "YaBrowser/": "Yandex Browser",
    "SamsungBrowser/": "Samsung Internet",
    "DuckDuckGo/": "DuckDuckGo",
    "Ddg/": "DuckDuckGo",
    "Vivaldi/": "Vivaldi",
    "Edg/": "Edge",
    "EdgA/": "Edge",
    "EdgiOS/": "Edge",
    "OPR/": "Opera",
    "OPT/": "Opera",
    "FxiOS/": "Firefox",
    "Firefox/": "Firefox",
    "CriOS/": "Chrome",
    "Chrome/": "Chrome",
    "Version/": "Safari",
}
_SYSTEMS = {
    "Android": "Android",
    "iPhone": "iOS",
    "iPad": "iPadOS",
    "CrOS": "ChromeOS",
    "Windows": "Windows",
    "Macintosh": "macOS",
    "Linux": "Linux",
}
# What is no browser says its name first: curl/8.5, python-httpx/0.28, okhttp/4.12.
_PRODUCT = re.compile(r"([A-Za-z][A-Za-z0-9 _.-]{0,29})/\d")


@dataclass(frozen=True, slots=True)
class Device:
    """None where the agent does not say it."""

    browser: str | None
    system: str | None


def read_user_agent(agent: str) -> Device:
    """``agent`` is at most as long as sessions store it."""
    system = _first(_SYSTEMS, agent)
    if not agent.startswith("Mozilla/"):
        product = _PRODUCT.match(agent)
        return Device(product[1] if product else None, system)
    browser = _first(_BROWSERS, agent)
    # Only Apple's own browser has a version of its own beside Safari's name.
    return Device(None if browser == "Safari" and "Safari/" not in agent else browser, system)


def _first(names: dict[str, str], agent: str) -> str | None:
    return next((name for token, name in names.items() if token in agent), None)
