from typing import Any

from fastapi import Request

from auth_service.deps import KeyRingDep
from auth_service.keys.schemas import KeyDocument
from service_kit.web.auth import Router
from service_kit.web.rate_limits import limited

router = Router(tags=["keys"])

# A cache on the way must not keep a key much longer than the services themselves do
# (KEYS_REFRESH_SECONDS), so that one that was withdrawn is refused everywhere within 30 s.
KEPT_SECONDS = 5


@router.get(
    "/.well-known/jwks.json",
    response_model=KeyDocument,
    summary="The keys that tokens are signed with",
)
@limited("service")
async def get_keys(request: Request, ring: KeyRingDep) -> dict[str, Any]:
    request.state.response_headers["Cache-Control"] = f"public, max-age={KEPT_SECONDS}"
    return await ring.document()
