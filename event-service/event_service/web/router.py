"""The web page at its addresses."""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Request, Response
from markupsafe import Markup
from pydantic import TypeAdapter, ValidationError

from event_service.deps import SettingsDep
from event_service.events.pages import Draft, Pages, PagesDep
from event_service.events.schemas import EventPublic, EventQuery
from event_service.privacy.notes import privacy_note
from event_service.web import pages as html
from event_service.web.answers import PAGE_VARY, REVALIDATE, content_security_policy, respond
from event_service.web.files import File
from event_service.web.filters import CHOICES, ORDERS, has_days, read_filters, request_of
from event_service.web.frame import FrameDep
from event_service.web.language import COOKIE, COOKIE_SECONDS, LANGUAGES, PARAMETER
from event_service.web.pages import Frame
from event_service.web.paths import is_id, is_view
from event_service.web.structured import as_script_text, json_ld
from service_kit.clock import utc_now
from service_kit.problems import InvalidRequest, NotFound
from service_kit.web.auth import Router
from service_kit.web.paging import Paging
from service_kit.web.rate_limits import limited

EVENTS_ON_A_PAGE = 24
RENDERED_SECONDS = 300
# Longer lists, of long descriptions, are asked for by the scripts: the page has room for what is read.
MAX_ANSWERS_BYTES = 100_000
# Filters that a page of its own is for.
PLACES = {"city", "category"}
METHODS = ["GET", "HEAD"]

_read_events = TypeAdapter(list[EventPublic])
router = Router(include_in_schema=False)


# The lists and the events are limited as in the API: they cost as much.
@router.api_route("/", methods=METHODS)
async def get_list_page(request: Request, frame: FrameDep, pages: PagesDep) -> Response:
    """The list, also of a search, a page at a time."""
    filters = read_filters(request.query_params)
    given = {name: value for name, value in filters.items() if value}
    frame = replace(frame, address="/" + (f"?{urlencode(given)}" if given else ""))
    cursor = request.query_params.get("cursor")
    query = request_of(filters, utc_now())
    packed = await _read_list(pages, query, cursor)
    facets = await pages.facets()

    def values() -> dict[str, Any]:
        body = _body(packed)
        listed = json.loads(body)
        next_page = listed["next_cursor"]
        is_asked_again = cursor or has_days(filters) or len(body) > MAX_ANSWERS_BYTES
        return {
            "canonical": frame.public_url + frame.address,
            # Pages of a search and later pages of the list are ways to events, and not what is looked for;
            # and anybody can write the name of a city that there is not.
            "is_unlisted": bool(cursor or given.keys() - PLACES or (given and not listed["items"])),
            "filters": filters,
            "is_narrowed": bool(given.keys() - {"sort"}),
            "facets": json.loads(_body(facets)),
            "choices": CHOICES,
            "orders": ORDERS if filters["q"] else ORDERS[1:],
            "events": _read_events.validate_python(listed["items"]),
            "next_page": next_page and "/?" + urlencode(given | {"cursor": next_page}),
            "answers": "" if is_asked_again else _answers(query, body, facets),
        }

    version = html.version_of(packed, facets, repr(cursor).encode())
    return _respond(request, frame, html.render(frame, "list.html", version, values))


def _body(packed: bytes) -> bytes:
    return packed.partition(b"\n")[2]


def _answers(query: dict[str, str], body: bytes, facets: bytes) -> Markup:
    """What the scripts would ask for first, by the paths at which they would."""
    asked = urlencode(sorted((query | {"limit": str(EVENTS_ON_A_PAGE)}).items()))
    parts = {f"/events?{asked}": body, "/events/facets": _body(facets)}
    entries = ",".join(f"{json.dumps(path)}:{text.decode()}" for path, text in parts.items())
    return as_script_text(f"{{{entries}}}")


async def _read_list(pages: Pages, query: dict[str, str], cursor: str | None) -> bytes:
    """The list as the API packs it. What the API refuses is a list without events."""
    try:
        parsed = EventQuery.model_validate(query)
        return await pages.event_list(parsed, Paging(EVENTS_ON_A_PAGE, cursor), None)
    except (ValidationError, InvalidRequest):
        return b'""\n{"items":[],"next_cursor":null}'


@router.api_route("/events/{event_id}", methods=METHODS)
async def get_event_page(
    event_id: str, request: Request, frame: FrameDep, pages: PagesDep
) -> Response:
    """What everybody may read of an event. A draft is not found; its organizer's scripts show it."""
    if not is_id(event_id):
        return _not_found(request, frame)
    try:
        packed = await pages.event(UUID(event_id), None)
    except NotFound:
        return _not_found(request, frame, template="view.html")
    assert not isinstance(packed, Draft)
    # What is over is not told as open for longer than such a while.
    now = utc_now()
    version = html.version_of(packed, str(now.timestamp() // RENDERED_SECONDS).encode())

    def values() -> dict[str, Any]:
        body = _body(packed)
        event = EventPublic.model_validate_json(body)
        address = frame.public_url + frame.address
        image = frame.public_url + event.image_url if event.image_url else None
        return {
            "canonical": address,
            "description": html.summary(event),
            "event": event,
            "is_final": event.cancellation_deadline <= now,
            "image": image,
            "paragraphs": html.paragraphs(event.description),
            "json_ld": json_ld(event, url=address, image=image),
            "answers": as_script_text(f'{{"/events/{event.id}":{body.decode()}}}'),
        }

    file = html.render(frame, "event.html", version, values)
    return _respond(request, frame, file)


@router.api_route("/privacy", methods=METHODS)
@router.api_route("/contact", methods=METHODS)
@limited("static")
async def get_privacy_page(request: Request, settings: SettingsDep, frame: FrameDep) -> Response:
    """What is stored, and whom to write to."""
    note = privacy_note(settings, frame.language.tag)
    text = note.model_dump_json()
    values = {
        "canonical": f"{frame.public_url}/privacy",
        "note": note,
        "answers": as_script_text(f'{{"/privacy?locale={note.locale}":{text}}}'),
    }
    page = html.render(frame, "privacy.html", html.version_of(text.encode()), lambda: values)
    return _respond(request, frame, page)


@router.api_route("/{path:page}", methods=METHODS)
@limited("static")
async def get_view_page(path: str, request: Request, frame: FrameDep) -> Response:
    """Any other path: of a view, which the scripts draw, or of nothing."""
    if not is_view(path):
        return _not_found(request, frame)
    return _respond(request, frame, html.render(frame, "view.html"))


def _not_found(request: Request, frame: Frame, template: str = "missing.html") -> Response:
    """To people a page that says so, with the way to the events; to programs a problem."""
    if "text/html" not in request.headers.get("accept", ""):
        raise NotFound
    # One page for whatever is not there.
    page = html.render(replace(frame, address="/"), template, values=lambda: {"section": ""})
    response = _respond(request, frame, page)
    if response.status_code == 200:
        response.status_code = 404
    return response


def _respond(request: Request, frame: Frame, file: File) -> Response:
    response = respond(request, file, REVALIDATE, vary=PAGE_VARY)
    response.headers["Content-Security-Policy"] = content_security_policy(frame.origins)
    # A window that opened the page, or is opened by it, has no access to it.
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    if request.query_params.get(PARAMETER) in LANGUAGES:
        response.set_cookie(
            COOKIE,
            frame.language.tag,
            max_age=COOKIE_SECONDS,
            samesite="lax",
            secure=not frame.is_development,
        )
    return response
