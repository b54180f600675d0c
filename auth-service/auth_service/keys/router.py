"""The public signing keys, for the services that verify tokens."""

from typing import Any

from fastapi import Request

from auth_service.keys.deps import KeyRingDep
from auth_service.keys.schemas import KeyDocument
from service_kit.web.auth import Router
from service_kit.web.rate_limits import limited

router = Router(tags=["keys"])

# A withdrawn key must be refused everywhere within 30 s. The services keep it for KEYS_REFRESH_SECONDS,
# and an HTTP cache must not add much to that.
MAX_AGE_SECONDS = 5


@router.get(
    "/.well-known/jwks.json",
    response_model=KeyDocument,
    summary="The keys that tokens are signed with",
)
@limited("service")
async def get_keys(request: Request, ring: KeyRingDep) -> dict[str, Any]:
    request.state.response_headers["Cache-Control"] = f"public, max-age={MAX_AGE_SECONDS}"
    return await ring.document()
