"""``/api/v1/halls``"""

from uuid import UUID

from fastapi import Response, status

from event_service.deps import CurrentUser, PagingDep
from event_service.halls import service
from event_service.halls.schemas import HallCreate, HallPublic, HallSummary, HallUpdate
from event_service.models import HallTemplate
from event_service.problems import TooManyHalls
from service_kit.database.engine import SessionDep
from service_kit.problems import Forbidden, NotAuthenticated, NotFound, problem_responses
from service_kit.web.auth import Router
from service_kit.web.paging import Page
from service_kit.web.rate_limits import limited
from service_kit.web.requests import long_body

router = Router(prefix="/api/v1/halls", tags=["halls"])


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    response_model=HallPublic,
    summary="Keep the plan of a hall for later events",
    responses=problem_responses(NotAuthenticated, Forbidden, NotFound, TooManyHalls),
)
@long_body
@limited("event_write")
async def create_hall(
    new: HallCreate, user: CurrentUser, session: SessionDep, response: Response
) -> HallTemplate:
    hall = await service.create_hall(session, new, by=user)
    response.headers["Location"] = f"/api/v1/halls/{hall.id}"
    return hall


@router.get(
    "",
    summary="List one's own halls, the latest first",
    responses=problem_responses(NotAuthenticated),
)
async def list_halls(
    paging: PagingDep, user: CurrentUser, session: SessionDep
) -> Page[HallSummary]:
    return await service.list_halls(session, user.user_id, paging)


@router.get(
    "/{hall_id}",
    response_model=HallPublic,
    summary="Show one of one's own halls with its plan",
    responses=problem_responses(NotAuthenticated, NotFound),
)
async def get_hall(hall_id: UUID, user: CurrentUser, session: SessionDep) -> HallTemplate:
    return await service.get_hall(session, hall_id, by=user.user_id)


@router.put(
    "/{hall_id}",
    response_model=HallPublic,
    summary="Replace one of one's own halls; no event changes",
    responses=problem_responses(NotAuthenticated, NotFound),
)
@long_body
@limited("event_write")
async def replace_hall(
    hall_id: UUID, new: HallUpdate, user: CurrentUser, session: SessionDep
) -> HallTemplate:
    return await service.replace_hall(session, hall_id, new, by=user.user_id)


@router.delete(
    "/{hall_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Delete one of one's own halls; no event changes",
    responses=problem_responses(NotAuthenticated, NotFound),
)
@limited("event_write")
async def delete_hall(hall_id: UUID, user: CurrentUser, session: SessionDep) -> None:
    await service.delete_hall(session, hall_id, by=user.user_id)
