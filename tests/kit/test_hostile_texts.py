"""The controls of ``tests/text_limits.py``: what it sends finds a field that nothing guards."""

import unicodedata
from collections.abc import Callable
from typing import Annotated

import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel, Field

from service_kit.text import Opaque
from tests.text_limits import try_all


class Letter(BaseModel):
    guarded: Annotated[str, Opaque(200)] = ""
    # Of the same kind as the one above, so that it gets two texts only.
    second: str = Field("", min_length=0, max_length=100_000)


@pytest.mark.parametrize(
    ("take", "word"), [(unicodedata.normalize, "took"), (None, "was answered [200]")]
)
async def test_a_field_that_nothing_guards_is_found(
    take: Callable[..., str] | None, word: str
) -> None:
    app = FastAPI()

    @app.post("/letters")
    async def write(letter: Letter) -> None:
        if take is not None:
            take("NFC", letter.second)

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        _, faults = await try_all(client, app.openapi(), [{}])
    assert any("second" in fault and word in fault for fault in faults)
    assert not any("guarded" in fault for fault in faults)
