"""The control of the three tests that hold a service's answers to its document: each lie is found."""

from pathlib import Path
from typing import Annotated

import pytest
from pydantic import BaseModel, WithJsonSchema
from starlette.responses import JSONResponse, PlainTextResponse, Response

from service_kit.web import error_handlers
from service_kit.web.app import create_service
from service_kit.web.auth import CurrentUser, Router
from tests.conformance import Trial, bearer, faults_of
from tests.kit.conftest import MakeSettings

router = Router(prefix="/lies")


class Answer(BaseModel):
    count: int


class Wish(BaseModel):
    name: Annotated[str, WithJsonSchema({"type": "string", "maxLength": 5})]


@router.get("/status", response_model=Answer)
async def answer_with_another_status() -> Response:
    return JSONResponse({"count": 1}, 202)


@router.get("/type", response_model=Answer)
async def answer_with_another_type() -> Response:
    return PlainTextResponse("1")


@router.get("/form", response_model=Answer)
async def answer_in_another_form() -> Response:
    return JSONResponse({"count": "one"})


@router.get("/crash")
async def crash() -> Answer:
    raise RuntimeError


@router.post("/wish")
async def take_what_is_no_wish(wish: Wish) -> Answer:
    return Answer(count=1)


@router.get("/private")
async def refuse_everybody(user: CurrentUser) -> Answer:
    return Answer(count=1)


async def test_each_kind_of_lie_is_found(
    make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(error_handlers, "allowed_methods", lambda routes, scope: ["PUT"])
    app = create_service(
        "lies", make_settings(), title="Lies", description="For tests.", routers=[router]
    )
    async with app.router.lifespan_context(app):
        faults = await faults_of(app, [Trial(bearer("no token"))], tmp_path)
    for lie in (
        "Undocumented status code",
        "Undocumented Content-Type",
        "Response violates schema",
        "Server error",
        "Schema-violating request accepted",
        "Undocumented methods advertised: PUT",
        "1 operation returned only 401/403 responses",
    ):
        assert lie in faults, faults
