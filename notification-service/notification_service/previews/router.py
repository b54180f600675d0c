"""``/api/v1/notifications/templates`` and ``/api/v1/notifications/preview``"""

from typing import Annotated, Literal

from fastapi import Path, Request, Response

from notification_service.kinds.registry import KINDS, read_payload
from notification_service.messages.incoming import MAX_KIND
from notification_service.previews.schemas import Language, Preview, PreviewRequest, TemplateList
from notification_service.previews.service import preview, preview_sample
from notification_service.rendering.renderer import EmailRenderer
from notification_service.settings import Settings
from service_kit.problems import Forbidden, NotAuthenticated, NotFound, problem_responses
from service_kit.web.auth import Router, Superuser, require_scope
from service_kit.web.rate_limits import limited

# The page is a mail and nothing else: it may show its pictures and styles, and run nothing.
PAGE_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox"

router = Router(prefix="/api/v1/notifications", tags=["templates"])


@router.get(
    "/templates",
    summary="List the kinds of mail (superusers only)",
    responses=problem_responses(NotAuthenticated, Forbidden),
)
async def list_templates(user: Superuser) -> TemplateList:
    return TemplateList(kinds=sorted(KINDS))


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
        headers = page_headers(request.app.state.settings)
        return Response(shown.html, media_type="text/html", headers=headers)
    return Response(shown.text, media_type="text/plain") if part == "text" else shown


def page_headers(settings: Settings) -> dict[str, str]:
    """Our own page may show the mail in a frame; in development it has another port."""
    ours = ["'self'", *settings.cors_origins]
    return {
        "Content-Security-Policy": f"{PAGE_POLICY}; frame-ancestors {' '.join(ours)}",
        # For browsers that do not know the other; those that do ignore this one.
        "X-Frame-Options": "SAMEORIGIN",
    }


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
