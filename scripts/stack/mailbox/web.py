"""The HTTP side: MailHog's API v1 and v2, and a page to read mails in."""

import email
import email.header
import json
import re
from collections.abc import Callable
from contextlib import suppress
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote

from stack.mailbox.mailhog_json import Json, as_message, matches, text
from stack.mailbox.store import Mail, Store

PAGE = Path(__file__).with_name("page.html")
LISTED = 200
KINDS = ("from", "to", "containing")

# A mail's own HTML runs no script, loads nothing from elsewhere and reaches no other mail.
MAIL_POLICY = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; " \
    "img-src 'self' data:; style-src 'unsafe-inline'"  # fmt: skip
PAGE_POLICY = "default-src 'self'; script-src 'unsafe-inline'; style-src 'unsafe-inline'"


def decoded(header: Any) -> str:
    value = str(header or "")
    with suppress(ValueError, LookupError):
        value = str(email.header.make_header(email.header.decode_header(value)))
    return re.sub(r"\s+", " ", value).strip()


def summary(mail: Mail) -> Json:
    """A line of the page's list."""
    head = email.message_from_bytes(mail.data.partition(b"\r\n\r\n")[0])
    return {
        "id": mail.id,
        "received_at": mail.received_at.isoformat(),
        "sender": decoded(head["From"]) or mail.sender,
        "recipients": ", ".join(mail.recipients),
        "subject": decoded(head["Subject"]) or "(no subject)",
    }


def details(mail: Mail) -> Json:
    """A mail as the page shows it: its parts with the number under which each is fetched."""
    whole = email.message_from_bytes(mail.data)
    parts = [
        {
            "number": number,
            "type": part.get_content_type(),
            "name": decoded(part.get_filename()),
            "inline": bool(part["Content-ID"]),
            "bytes": len(part.get_payload(decode=True) or b""),
        }
        for number, part in enumerate(whole.walk())
        if not part.is_multipart()
    ]
    headers = [[name, decoded(value)] for name, value in whole.items()]
    return summary(mail) | {"headers": headers, "parts": parts}


def with_inline_images(html: bytes, whole: Message, identity: str) -> bytes:
    """Turns ``cid:`` addresses into those under which the mailbox serves the parts."""
    for number, part in enumerate(whole.walk()):
        name = str(part["Content-ID"] or "").strip("<> ")
        if name:
            where = f"/part/{quote(identity)}/{number}"
            html = html.replace(f"cid:{name}".encode(), where.encode())
    return html


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
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), re.sub("[^ -~]", "", value))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        where, _, query = self.path.partition("?")
        found = parse_qs(query, errors="replace")
        parameters = {name: values[0] for name, values in found.items()}
        place = unquote(where)
        routes: dict[str, Callable[[dict[str, str]], None]] = {
            "/": self.page,
            "/mails": self.list_mails,
            "/api/v1/messages": self.v1_messages,
            "/api/v2/messages": self.v2_messages,
            "/api/v2/search": self.v2_search,
        }
        if place in routes:
            routes[place](parameters)
        elif one := re.fullmatch(r"/api/v1/messages/([^/]+)(/download)?", place):
            self.v1_message(one[1], bool(one[2]))
        elif one := re.fullmatch(r"/mails/([^/]+)", place):
            mail = self.store.get(one[1])
            self.answer(200 if mail else 404, details(mail) if mail else b"", "application/json")
        elif one := re.fullmatch(r"/part/([^/]+)/([0-9]{1,6})", place):
            self.part(one[1], int(one[2]))
        else:
            self.answer(404)

    def page(self, _: dict[str, str]) -> None:
        kind = "text/html; charset=utf-8"
        self.answer(200, PAGE.read_bytes(), kind, Content_Security_Policy=PAGE_POLICY)

    def list_mails(self, parameters: dict[str, str]) -> None:
        """The page's list: the newest that hold ``q`` in what is listed or in the body."""
        query = parameters.get("q", "").lower()
        shown: list[Json] = []
        for mail in self.store.newest_first():
            if len(shown) == LISTED:
                break
            line = summary(mail)
            if not query or query in f"{line}".lower() or query.encode() in mail.data.lower():
                shown.append(line)
        self.answer(200, {"total": len(self.store), "items": shown}, "application/json")

    def part(self, identity: str, number: int) -> None:
        mail = self.store.get(identity)
        whole = email.message_from_bytes(mail.data) if mail else None
        part = dict(enumerate(whole.walk())).get(number) if whole else None
        if part is None or whole is None:
            self.answer(404)
            return
        body = part.get_payload(decode=True)
        data = body if isinstance(body, bytes) else b""
        if part.get_content_type() == "text/html":
            data = with_inline_images(data, whole, identity)
        self.answer(
            200,
            data,
            str(part["Content-Type"] or "text/plain"),
            Content_Disposition=str(part["Content-Disposition"] or "inline"),
            Content_Security_Policy=MAIL_POLICY,
        )

    def messages(self, mails: list[Mail]) -> list[Json]:
        return [as_message(mail, self.store.hostname) for mail in mails]

    def v1_messages(self, _: dict[str, str]) -> None:
        self.answer(200, self.messages(self.store.newest_first()[:1000]))

    def v1_message(self, identity: str, download: bool) -> None:
        mail = self.store.get(identity)
        if download and mail:
            name = f'attachment; filename="{mail.id}.eml"'
            self.answer(200, mail.data, "message/rfc822", Content_Disposition=name)
        elif download:
            self.answer(404)
        else:
            self.answer(200, self.messages([mail])[0] if mail else None)

    def v2_messages(self, parameters: dict[str, str]) -> None:
        mails = self.store.newest_first()
        self.v2_page(parameters, mails, self.messages, "text/json", len(self.store))

    def v2_search(self, parameters: dict[str, str]) -> None:
        kind, query = parameters.get("kind", ""), parameters.get("query")
        if kind not in KINDS or query is None:
            self.answer(400)
            return
        every = self.messages(self.store.newest_first())
        found = [message for message in every if matches(message, kind, query)]
        self.v2_page(parameters, found, list, "application/json", 0)

    def v2_page(
        self,
        parameters: dict[str, str],
        items: list[Any],
        show: Callable[[list[Any]], list[Json]],
        kind: str,
        total_beyond: int,
    ) -> None:
        start, limit = (_number(parameters.get(name, "")) for name in ("start", "limit"))
        # Just past the end MailHog gives the last one again.
        first = start - (0 < start == len(items))
        shown = show(items[first : first + min(limit or 50, 250)])
        total = len(items) if start <= len(items) else total_beyond
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


def make_http(store: Store, host: str, port: int) -> HttpServer:
    return HttpServer((host, port), type("StoreHandler", (Handler,), {"store": store}))
