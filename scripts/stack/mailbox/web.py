"""The HTTP side: MailHog's API v1 and v2, and a page to read mails in."""

import json
import re
import sys
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

from stack.mailbox import reading
from stack.mailbox.mailhog_json import Json, as_message, matches, text
from stack.mailbox.store import Mail, Store

FOLDER = Path(__file__).parent
FILES = {
    "/": ("page.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
}
LISTED = 100
MAX_LISTED = 5_000
SEARCH_SECONDS = 0.5
KINDS = ("from", "to", "containing")

# A mail's own HTML runs no script, loads nothing from anywhere and has an origin of its own.
MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
    "img-src data:; font-src data:; style-src 'unsafe-inline'"
)
PAGE_POLICY = (
    "default-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'"
)

Parameters = dict[str, str]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body in one write.
    wbufsize = -1
    store: Store

    def log_message(self, *_: Any) -> None:
        """Quiet: the page asks every second."""

    def answer(self, status: int, body: Any = b"", kind: str = "text/json", **headers: str) -> None:
        if not isinstance(body, bytes):
            dumped = json.dumps(body, default=text, ensure_ascii=False)
            body = dumped.encode("utf-8", "replace")
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", re.sub("[^ -~]", "", kind))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), re.sub("[^ -~]", "", value))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        where, _, query = self.path.partition("?")
        found = parse_qs(query, errors="replace")
        parameters = {name: values[0] for name, values in found.items()}
        place = unquote(where)
        lists: dict[str, Callable[[Parameters], None]] = {
            "/mails": self.list_mails,
            "/api/v1/messages": self.v1_messages,
            "/api/v2/messages": self.v2_messages,
            "/api/v2/search": self.v2_search,
        }
        if place in FILES:
            name, kind = FILES[place]
            body = (FOLDER / name).read_bytes()
            self.answer(200, body, kind, Content_Security_Policy=PAGE_POLICY)
        elif place in lists:
            lists[place](parameters)
        elif one := re.fullmatch(r"/(api/v1/messages|mails|part)/([^/]+)(/[^/]+)?", place):
            self.one_mail(one[1], self.store.get(one[2]), one[3] or "")
        else:
            self.answer(404)

    def one_mail(self, kind: str, mail: Mail | None, rest: str) -> None:
        number = re.fullmatch("/([0-9]{1,6})", rest)
        if kind == "api/v1/messages" and not rest:
            # MailHog answers 200 and null for a mail that is not there.
            self.answer(200, as_message(mail, self.store.hostname) if mail else None)
        elif mail and kind == "api/v1/messages" and rest == "/download":
            name = f'attachment; filename="{mail.id}.eml"'
            self.answer(200, mail.data, "message/rfc822", Content_Disposition=name)
        elif mail and kind == "mails" and not rest:
            self.answer(200, reading.details(mail), "application/json")
        elif mail and kind == "part" and number:
            self.part(mail, int(number[1]))
        else:
            self.answer(404)

    def part(self, mail: Mail, number: int) -> None:
        part = reading.find_part(mail, number)
        if part is None:
            self.answer(404)
            return
        is_html = part.get_content_type() == "text/html"
        data = reading.page_of(mail, part) if is_html else reading.content(part)
        self.answer(
            200,
            data,
            reading.content_type(part, data),
            Content_Disposition=str(part["Content-Disposition"] or "inline"),
            Content_Security_Policy=MAIL_POLICY,
        )

    def list_mails(self, parameters: Parameters) -> None:
        """The page's list: the newest ``limit`` mails that hold ``q``. Reading thousands for the
        first time takes a while, so each answer says how many it got through."""
        wanted = parameters.get("q", "")
        limit = min(_number(parameters.get("limit", "")) or LISTED, MAX_LISTED)
        tag = f'"{self.store.revision}"'
        if self.headers["If-None-Match"] == tag:
            self.send_response(304)
            self.end_headers()
            return
        mails = self.store.newest_first()
        shown: list[Json] = []
        searched = 0
        deadline = time.monotonic() + SEARCH_SECONDS
        for mail in mails:
            if len(shown) == limit or time.monotonic() > deadline:
                break
            searched += 1
            if not wanted or reading.holds(mail, wanted):
                shown.append(reading.line(mail))
        is_done = searched == len(mails) or len(shown) == limit
        document = {
            "total": len(mails),
            "searched": searched,
            "is_done": is_done,
            "items": shown,
        }
        caching = {"Cache_Control": "no-cache", "ETag": tag} if is_done else {}
        self.answer(200, document, "application/json", **caching)

    def messages(self, mails: list[Mail]) -> list[Json]:
        return [as_message(mail, self.store.hostname) for mail in mails]

    def v1_messages(self, _: Parameters) -> None:
        self.answer(200, self.messages(self.store.newest_first()[:1000]))

    def v2_messages(self, parameters: Parameters) -> None:
        mails = self.store.newest_first()
        self.v2_page(parameters, mails, "text/json", total_beyond=len(mails))

    def v2_search(self, parameters: Parameters) -> None:
        kind, query = parameters.get("kind", ""), parameters.get("query")
        if kind not in KINDS or query is None:
            self.answer(400)
            return
        name = self.store.hostname
        mails = [m for m in self.store.newest_first() if matches(m, name, kind, query)]
        self.v2_page(parameters, mails, "application/json", total_beyond=0)

    def v2_page(
        self, parameters: Parameters, mails: list[Mail], kind: str, *, total_beyond: int
    ) -> None:
        start, limit = (_number(parameters.get(name, "")) for name in ("start", "limit"))
        # Just past the end MailHog gives the last one again.
        first = start - (0 < start == len(mails))
        shown = self.messages(mails[first : first + min(limit or 50, 250)])
        total = len(mails) if start <= len(mails) else total_beyond
        document = {"total": total, "count": len(shown), "start": start, "items": shown}
        self.answer(200, document, kind)

    def do_DELETE(self) -> None:
        one = re.fullmatch("/api/v1/messages(?:/([^/]+))?", unquote(self.path.partition("?")[0]))
        if one is None:
            self.answer(404)
        elif one[1]:
            self.answer(200 if self.store.drop(one[1]) else 500)
        else:
            self.store.clear()
            self.answer(200)


def _number(value: str) -> int:
    return int(value) if re.fullmatch(r"\+?[0-9]{1,18}", value) else 0


class HttpServer(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that left in the middle of an answer is no news."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def make_http(store: Store, host: str, port: int) -> HttpServer:
    return HttpServer((host, port), type("StoreHandler", (Handler,), {"store": store}))
