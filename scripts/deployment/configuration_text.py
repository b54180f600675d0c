"""What ``docker compose config`` writes, as far as a deployment asks for it; no library reads YAML here."""

import re


def services_and_networks(configuration: str) -> dict[str, list[str]]:
    """Networks by service. Compose writes them as keys or as elements of a list."""
    services: dict[str, list[str]] = {}
    top = service = key = ""
    for line in configuration.splitlines():
        if found := re.match(r"([\w-]+):", line):
            top = found[1]
        elif top != "services":
            continue
        elif found := re.match(r"  ([\w.-]+):", line):
            service, key = found[1], ""
            services[service] = []
        elif found := re.match(r"    ([\w-]+):", line):
            key = found[1]
        elif key == "networks":
            if found := re.match(r"(?:      |    - |      - )([\w.-]+):?( |$)", line):
                services[service].append(found[1])
    return services
