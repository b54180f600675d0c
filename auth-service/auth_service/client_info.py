"""Address and user agent of a request, for the audit trail and the list of sessions."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

MAX_USER_AGENT = 200


@dataclass(frozen=True, slots=True)
class ClientInfo:
    address: str = ""
    user_agent: str = ""
    request_id: str | None = None


async def get_client_info(request: Request) -> ClientInfo:
    agent = request.headers.get("user-agent", "")[:MAX_USER_AGENT]
    return ClientInfo(
        address=request.client.host if request.client else "",
        user_agent="".join(c for c in agent if c.isprintable()),
        request_id=request.state.request_id,
    )


ClientInfoDep = Annotated[ClientInfo, Depends(get_client_info)]
