"""``/api/v1/notifications/templates`` and ``/api/v1/notifications/preview``"""

from typing import Annotated, Literal

from fastapi import Path, Request, Response

from notification_service.messages.contents import read_content
from notification_service.messages.incoming import MAX_KIND
from notification_service.rendering.letter import LetterWriter
from notification_service.rendering.previews import preview, preview_sample
from notification_service.rendering.schemas import Language, Preview, PreviewRequest
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
    responses=problem_responses(NotAuthenticated, Forbidden, NotFound),
)
@limited("preview")
async def preview_template(
    kind: Annotated[str, Path(max_length=MAX_KIND)],
    user: Superuser,
    request: Request,
    locale: Language = "en",
    part: Literal["all", "html", "text"] = "all",
) -> Preview | Response:
    shown = preview_sample(request.app.state.letter_writer, kind, locale)
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
    writer: LetterWriter = request.app.state.letter_writer
    return preview(writer, wanted.kind, read_content(wanted.kind, wanted.data), wanted.locale)
