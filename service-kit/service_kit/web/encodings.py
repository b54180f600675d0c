"""Which encodings of an answer its reader takes."""

import re

from fastapi import Request

# A coding and its weight, of which 0 is a refusal (RFC 9110, 12.4.2 and 12.5.3).
_PART = re.compile(r"\s*([^\s;]+)\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*)?", re.I)


def takes_gzip(request: Request) -> bool:
    """Whether ``Accept-Encoding`` names gzip, or ``*`` in its place, and not with a weight of 0."""
    weights: dict[str, float] = {}
    for part in ",".join(request.headers.getlist("accept-encoding")).split(","):
        if found := _PART.fullmatch(part):
            weights[found[1].lower()] = float(found[2] or 1)
    return weights.get("gzip", weights.get("x-gzip", weights.get("*", 0))) > 0
