from typing import Any

from fastapi import Request

from auth_service.deps import KeyRingDep
from auth_service.keys.schemas import KeyDocument
from service_kit.admission import Router
from service_kit.rate_limits import limited

router = Router(tags=["keys"])

# Less than the time from a key's publication to its first signature.
KEPT_SECONDS = 300


@router.get(
    "/.well-known/jwks.json",
    response_model=KeyDocument,
    summary="The keys that tokens are signed with",
)
@limited("service")
async def get_keys(request: Request, ring: KeyRingDep) -> dict[str, Any]:
    request.state.response_headers["Cache-Control"] = f"public, max-age={KEPT_SECONDS}"
    return await ring.document()
