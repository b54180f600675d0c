"""The dependencies that handlers take from the keys. All are ``async``, as in ``auth_service.deps``."""

from typing import Annotated

from fastapi import Depends, Request

from auth_service.keys.ring import KeyRing
from auth_service.keys.tokens import TokenIssuer


async def get_key_ring(request: Request) -> KeyRing:
    ring: KeyRing = request.app.state.key_ring
    return ring


async def get_issuer(request: Request) -> TokenIssuer:
    issuer: TokenIssuer = request.app.state.token_issuer
    return issuer


KeyRingDep = Annotated[KeyRing, Depends(get_key_ring)]
IssuerDep = Annotated[TokenIssuer, Depends(get_issuer)]
