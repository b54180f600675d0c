"""GraphiQL, for development. Its scripts are shipped with the service; the browser checks the hashes that
strawberry's page contains."""

import base64
import hashlib
import re
from functools import lru_cache

from strawberry.http.ides import get_graphql_ide_html

from service_kit.web.docs import GRAPHIQL

# The paths from which strawberry's page loads its scripts, and their names here. The test of this page
# fails when a release of strawberry names others.
FILES = {
    "react@18.2.0/umd/react.production.min.js": "react.production.min.js",
    "react-dom@18.2.0/umd/react-dom.production.min.js": "react-dom.production.min.js",
    "js-cookie@3.0.5/dist/js.cookie.min.js": "js.cookie.min.js",
    "graphiql@3.8.3/graphiql.min.css": "graphiql.min.css",
    "graphiql@3.8.3/graphiql.min.js": "graphiql.min.js",
    "@graphiql/plugin-explorer@1.0.2/dist/style.css": "plugin-explorer.css",
    "@graphiql/plugin-explorer@1.0.2/dist/index.umd.js": "plugin-explorer.umd.js",
}


@lru_cache(maxsize=1)
def page() -> str:
    """Uses our names of the CSRF cookie and header."""
    html = (
        get_graphql_ide_html("graphiql")
        .replace('"csrftoken"', '"csrf_token"')
        .replace('"x-csrftoken"', '"x-csrf-token"')
    )
    for theirs, ours in FILES.items():
        html = html.replace(f"https://unpkg.com/{theirs}", f"{GRAPHIQL}/{ours}")
    return html


@lru_cache(maxsize=1)
def content_security_policy() -> str:
    inline = re.findall(r"<script>(.*?)</script>", page(), re.DOTALL)
    return "; ".join(
        (
            "default-src 'none'",
            " ".join(("script-src 'self'", *(f"'{_hash(script)}'" for script in inline))),
            # The editor writes styles while one types.
            "style-src 'self' 'unsafe-inline'",
            "connect-src 'self'",
            "img-src data:",
            "font-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


def _hash(script: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
