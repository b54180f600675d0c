"""``/api/v1/notifications/templates`` and ``/api/v1/notifications/preview``"""

from typing import Annotated, Literal

from fastapi import Path, Request, Response

from notification_service.kinds.registry import read_payload
from notification_service.messages.incoming import MAX_KIND
from notification_service.previews.schemas import Language, Preview, PreviewRequest
from notification_service.previews.service import preview, preview_sample
from notification_service.rendering.renderer import EmailRenderer
from service_kit.problems import Forbidden, NotAuthenticated, NotFound, problem_responses
from service_kit.web.auth import Router, Superuser, require_scope
from service_kit.web.rate_limits import limited

# The page is a mail and nothing else: it may show its pictures and styles, and run nothing.
PAGE_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox"

router = Router(prefix="/api/v1/notifications", tags=["templates"])


@router.get(
    "/templates/{kind}/preview",
    response_model=Preview,
    summary="Show a mail with sample data, as JSON or as the page itself",
    responses=problem_responses(NotAuthenticated, Forbidden, NotFound)
    | {200: {"content": {"text/html": {}, "text/plain": {}}}},
)
@limited("preview")
async def preview_template(
    kind: Annotated[str, Path(max_length=MAX_KIND)],
    user: Superuser,
    request: Request,
    locale: Language = "en",
    part: Literal["all", "html", "text"] = "all",
) -> Preview | Response:
    shown = preview_sample(request.app.state.email_renderer, kind, locale)
    if part == "html":
        headers = {"Content-Security-Policy": PAGE_POLICY}
        return Response(shown.html, media_type="text/html", headers=headers)
    return Response(shown.text, media_type="text/plain") if part == "text" else shown


@router.post(
    "/preview",
    summary="Write a mail without sending it (services only)",
    responses=problem_responses(NotAuthenticated, Forbidden),
    dependencies=[require_scope("notifications:send")],
)
@limited("service")
async def preview_notification(wanted: PreviewRequest, request: Request) -> Preview:
    renderer: EmailRenderer = request.app.state.email_renderer
    return preview(renderer, read_payload(wanted.kind, wanted.data), wanted.locale)
