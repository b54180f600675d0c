"""``/api/v1/events/{event_id}/image``"""

import re
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path, Request, Response, status

from event_service.deps import CurrentUser, DatabaseDep, OptionalUser
from event_service.events.representation import event_response
from event_service.events.schemas import EventPublic
from event_service.images import service
from event_service.images.convert import HASH_CHARACTERS, MEDIA_TYPES, WIDTHS, ImageConverter
from event_service.problems import EventCancelled
from service_kit.database.engine import SessionDep
from service_kit.problems import Forbidden, NotAuthenticated, NotFound, problem_responses
from service_kit.web.auth import Router, SharedResponse
from service_kit.web.rate_limits import limited

# Where a body may be as large as an image.
IMAGE_PATH = re.compile(r"/api/v1/events/[^/]+/image")
IMMUTABLE = "public, max-age=31536000, immutable"
# An image that is opened by itself runs nothing.
FILE_POLICY = "default-src 'none'; frame-ancestors 'none'"
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_FILE_NAME = re.compile(rf"([0-9a-f]{{{HASH_CHARACTERS}}})-([1-9][0-9]{{2,3}})\.webp")

router = Router(prefix="/api/v1/events/{event_id}/image", tags=["events"])


async def get_converter(request: Request) -> ImageConverter:
    converter: ImageConverter = request.app.state.images
    return converter


ConverterDep = Annotated[ImageConverter, Depends(get_converter)]
FileName = Annotated[
    str,
    Path(
        max_length=50,
        description=f"`{{hash}}-{{width}}.webp` with one of the widths {', '.join(map(str, WIDTHS))}.",
    ),
]


@router.put(
    "",
    response_model=EventPublic,
    summary="Store the image of an event",
    description="The body is the file itself: JPEG, PNG or WebP. It is encoded anew without metadata, upright"
    " and in sRGB; of an animation the first picture is taken.",
    responses=problem_responses(NotAuthenticated, Forbidden, NotFound, EventCancelled),
    openapi_extra={
        "requestBody": {"required": True, "content": dict.fromkeys(MEDIA_TYPES, _BINARY)}
    },
)
@limited("event_image")
async def put_image(
    event_id: UUID,
    request: Request,
    user: CurrentUser,
    database: DatabaseDep,
    converter: ConverterDep,
) -> Response:
    await service.check_may_store(database, event_id, by=user)
    image = await converter.convert(await request.body())
    async with database.transaction() as session:
        await service.store_image(session, event_id, image, by=user)
    async with database.transaction() as session:
        return await event_response(session, event_id, user)


@router.delete(
    "",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Remove the image of an event",
    responses=problem_responses(NotAuthenticated, Forbidden, NotFound, EventCancelled),
)
@limited("event_image")
async def delete_image(event_id: UUID, user: CurrentUser, session: SessionDep) -> None:
    await service.delete_image(session, event_id, by=user)


@router.get(
    "/{file_name}",
    response_class=Response,
    summary="Show the image of an event",
    responses=problem_responses(NotFound) | {200: {"content": {"image/webp": {}}}},
)
@limited("static")
async def get_image(
    event_id: UUID, file_name: FileName, user: OptionalUser, session: SessionDep
) -> Response:
    name = _FILE_NAME.fullmatch(file_name)
    if name is None or int(name[2]) not in WIDTHS:
        raise NotFound
    image = await service.get_image(session, event_id, name[1], int(name[2]), viewer=user)
    headers = {"Content-Security-Policy": FILE_POLICY}
    if not image.is_public:
        return Response(image.content, headers=headers, media_type="image/webp")
    headers["Cache-Control"] = IMMUTABLE
    return SharedResponse(image.content, headers=headers, media_type="image/webp")
