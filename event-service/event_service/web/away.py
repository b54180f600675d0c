"""What people read where a program gets a problem document."""

import re
from dataclasses import replace

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from event_service.settings import Settings
from event_service.web import pages as html
from event_service.web.answers import PAGE_VARY, content_security_policy
from event_service.web.frame import get_frame
from event_service.web.paths import PagePath
from event_service.web.static import get_files
from service_kit.problems import MEDIA_TYPE
from service_kit.web.requests import BoundedRequest

# By the status of the answer: the words of the page.
REASONS = {
    429: "problem.rate-limited",
    500: "problem.internal-error",
    503: "problem.unavailable",
}
_PAGE = re.compile("/" + PagePath.regex)


class PagesForPeople:
    """Puts a page in the place of a problem document, for whoever opens one of the page's addresses and
    would read it. Status and headers stay. It needs no database: that may be what is away."""

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self.app = app
        self.settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _is_for_people(scope):
            await self.app(scope, receive, send)
            return
        start: Message | None = None

        async def send_page(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and _is_problem(message):
                start = message
            elif start is None:
                await send(message)
            elif not message.get("more_body"):
                content = await self._fill(scope, start)
                await send(start)
                await send({"type": "http.response.body", "body": content})

        await self.app(scope, receive, send_page)

    async def _fill(self, scope: Scope, start: Message) -> bytes:
        """The page; the headers become its own."""
        request, status = BoundedRequest(scope), start["status"]
        headers = MutableHeaders(scope=start)
        frame = await get_frame(request, self.settings, await get_files(self.settings))
        # One page for whatever is not there, or does not answer.
        frame = replace(frame, address="/")
        if status in REASONS:
            seconds = headers.get("retry-after", "1")
            values = {
                "section": "",
                "reason": REASONS[status],
                "reason_values": {"seconds": seconds},
            }
            file = html.render(frame, "away.html", f"{status} {seconds}", lambda: values)
        else:
            file = html.render(frame, "missing.html", values=lambda: {"section": ""})
        headers["Content-Type"] = file.media_type
        headers["Content-Length"] = str(len(file.content))
        headers["Content-Security-Policy"] = content_security_policy(frame.origins)
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers["Vary"] = f"Accept{PAGE_VARY}"
        return file.content


def _is_for_people(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
        return False
    accept = [value for name, value in scope["headers"] if name == b"accept"]
    return any(b"text/html" in value for value in accept) and bool(_PAGE.fullmatch(scope["path"]))


def _is_problem(message: Message) -> bool:
    if message["status"] not in (404, *REASONS):
        return False
    return (b"content-type", MEDIA_TYPE.encode()) in [tuple(pair) for pair in message["headers"]]
