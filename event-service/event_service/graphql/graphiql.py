"""A page to try queries in, for development. Its scripts come from unpkg.com, and the browser checks
their hashes, which strawberry's page names."""

import base64
import hashlib
import re
from functools import lru_cache

from strawberry.http.ides import get_graphql_ide_html

CDN = "https://unpkg.com"


@lru_cache(maxsize=1)
def page() -> str:
    """With our names for the cookie and the header that keep other pages from sending queries."""
    return (
        get_graphql_ide_html("graphiql")
        .replace('"csrftoken"', '"csrf_token"')
        .replace('"x-csrftoken"', '"x-csrf-token"')
    )


@lru_cache(maxsize=1)
def content_security_policy() -> str:
    inline = re.findall(r"<script>(.*?)</script>", page(), re.DOTALL)
    return "; ".join(
        (
            "default-src 'none'",
            " ".join(("script-src", CDN, *(f"'{_hash(script)}'" for script in inline))),
            # The editor writes styles while one types.
            f"style-src {CDN} 'unsafe-inline'",
            "connect-src 'self'",
            "img-src data:",
            f"font-src data: {CDN}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


def _hash(script: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
