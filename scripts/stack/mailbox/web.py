"""The HTTP side: MailHog's API v1 and v2, and a page to read mails in."""

import json
import re
import time
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from stack.mailbox import reading
from stack.mailbox.mailhog_json import Json, as_message, matches, text
from stack.mailbox.store import Mail, Store

FOLDER = Path(__file__).parent
FILES = {
    "/": ("page.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
}
DEFAULT_LIMIT = 100
MAX_LIMIT = 5_000
SEARCH_SECONDS = 0.5
SEARCHED_IN = ("from", "to", "containing")

# A mail's own HTML runs no script, loads nothing from anywhere and has an origin of its own.
MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
    "img-src data:; font-src data:; style-src 'unsafe-inline'"
)
PAGE_POLICY = (
    "default-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'"
)
COMMON_HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}


class Handlers:
    """Run in threads, so that a search through thousands of mails holds up no SMTP client."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def list_mails(self, request: Request) -> Response:
        """The page's list: the newest ``limit`` mails that hold ``q``. Reading thousands for the
        first time takes a while, so each answer says how many it got through."""
        query = request.query_params.get("q", "")
        limit = min(_number(request, "limit") or DEFAULT_LIMIT, MAX_LIMIT)
        tag = f'"{self._store.revision}"'
        if request.headers.get("If-None-Match") == tag:
            return Response(status_code=304)
        mails = self._store.newest_first()
        items: list[Json] = []
        searched = 0
        deadline = time.monotonic() + SEARCH_SECONDS
        for mail in mails:
            if len(items) == limit or time.monotonic() > deadline:
                break
            searched += 1
            if not query or reading.holds(mail, query):
                items.append(reading.summary(mail))
        is_done = searched == len(mails) or len(items) == limit
        counts = {"total": len(mails), "searched": searched, "is_done": is_done}
        caching = {"Cache-Control": "no-cache", "ETag": tag} if is_done else {}
        return _json(counts | {"items": items}, "application/json", caching)

    def show_mail(self, request: Request) -> Response:
        return _json(reading.details(self._mail(request)), "application/json")

    def show_part(self, request: Request) -> Response:
        mail = self._mail(request)
        part = reading.find_part(mail, request.path_params["number"])
        if part is None:
            raise HTTPException(404)
        is_html = part.get_content_type() == "text/html"
        data = reading.page_of(mail, part) if is_html else reading.content(part)
        disposition = str(part["Content-Disposition"] or "inline")
        headers = {"Content-Disposition": disposition, "Content-Security-Policy": MAIL_POLICY}
        return _answer(data, reading.content_type(part, data), headers)

    def v1_messages(self, _: Request) -> Response:
        return _json(self._messages(self._store.newest_first()[:1000]))

    def v1_message(self, request: Request) -> Response:
        """MailHog answers 200 and null for a mail that is not there."""
        mail = self._store.get(request.path_params["id"])
        return _json(as_message(mail, self._store.hostname) if mail else None)

    def v1_download(self, request: Request) -> Response:
        mail = self._mail(request)
        disposition = f'attachment; filename="{mail.id}.eml"'
        return _answer(mail.data, "message/rfc822", {"Content-Disposition": disposition})

    def v1_delete(self, request: Request) -> Response:
        is_known = self._store.drop(request.path_params["id"])
        return Response(status_code=200 if is_known else 500)

    def v1_delete_all(self, _: Request) -> Response:
        self._store.clear()
        return Response()

    def v2_messages(self, request: Request) -> Response:
        mails = self._store.newest_first()
        return self._page(request, mails, "text/json", total_beyond=len(mails))

    def v2_search(self, request: Request) -> Response:
        kind, query = (request.query_params.get(name) for name in ("kind", "query"))
        if kind not in SEARCHED_IN or not query:
            raise HTTPException(400)
        name = self._store.hostname
        mails = [m for m in self._store.newest_first() if matches(m, name, kind, query)]
        return self._page(request, mails, "application/json", total_beyond=0)

    def _page(
        self, request: Request, mails: list[Mail], content_type: str, *, total_beyond: int
    ) -> Response:
        start, limit = _number(request, "start"), min(_number(request, "limit") or 50, 250)
        # Just past the end MailHog gives the last one again.
        first = start - (0 < start == len(mails))
        items = self._messages(mails[first : first + limit])
        total = len(mails) if start <= len(mails) else total_beyond
        document = {"total": total, "count": len(items), "start": start, "items": items}
        return _json(document, content_type)

    def _messages(self, mails: list[Mail]) -> list[Json]:
        return [as_message(mail, self._store.hostname) for mail in mails]

    def _mail(self, request: Request) -> Mail:
        mail = self._store.get(request.path_params["id"])
        if mail is None:
            raise HTTPException(404)
        return mail


def page_file(request: Request) -> Response:
    name, content_type = FILES[request.url.path]
    headers = {"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "no-cache"}
    return FileResponse(FOLDER / name, headers=COMMON_HEADERS | headers, media_type=content_type)


def _answer(body: bytes, content_type: str, headers: dict[str, str] | None = None) -> Response:
    all_headers = {"Content-Type": content_type} | (headers or {})
    # Some are a mail's own words.
    safe = {name: re.sub("[^ -~]", "", value) for name, value in all_headers.items()}
    return Response(body, headers=COMMON_HEADERS | safe)


def _json(
    document: Any, content_type: str = "text/json", headers: dict[str, str] | None = None
) -> Response:
    body = json.dumps(document, default=text, ensure_ascii=False)
    return _answer(body.encode("utf-8", "replace"), content_type, headers)


def _number(request: Request, name: str) -> int:
    value = request.query_params.get(name, "")
    return int(value) if re.fullmatch(r"\+?[0-9]{1,18}", value) else 0


def make_app(store: Store) -> Starlette:
    do = Handlers(store)
    return Starlette(
        routes=[
            *(Route(path, page_file) for path in FILES),
            Route("/mails", do.list_mails),
            Route("/mails/{id}", do.show_mail),
            Route("/part/{id}/{number:int}", do.show_part),
            Route("/api/v1/messages", do.v1_messages),
            Route("/api/v1/messages", do.v1_delete_all, methods=["DELETE"]),
            Route("/api/v1/messages/{id}", do.v1_message),
            Route("/api/v1/messages/{id}", do.v1_delete, methods=["DELETE"]),
            Route("/api/v1/messages/{id}/download", do.v1_download),
            Route("/api/v2/messages", do.v2_messages),
            Route("/api/v2/search", do.v2_search),
        ]
    )
