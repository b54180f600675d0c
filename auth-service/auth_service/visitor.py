"""Where a request comes from, as far as audit and the list of sessions tell it."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

MAX_USER_AGENT = 200


@dataclass(frozen=True, slots=True)
class Visitor:
    address: str = ""
    user_agent: str = ""
    request_id: str | None = None


async def get_visitor(request: Request) -> Visitor:
    agent = request.headers.get("user-agent", "")[:MAX_USER_AGENT]
    return Visitor(
        address=request.client.host if request.client else "",
        user_agent="".join(c for c in agent if c.isprintable()),
        request_id=request.state.request_id,
    )


VisitorDep = Annotated[Visitor, Depends(get_visitor)]
