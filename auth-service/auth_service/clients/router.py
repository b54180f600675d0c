"""Tokens for services: OAuth 2 client credentials (RFC 6749, 4.4)."""

import base64
from typing import Annotated

from fastapi import Depends, Form, Request

from auth_service.clients.schemas import ServiceToken
from auth_service.clients.service import CLIENT_ID, authenticate, granted_scope
from auth_service.deps import NoStore
from auth_service.keys.deps import IssuerDep
from auth_service.models import ServiceClient
from auth_service.problems import ClientNotAuthenticated, InvalidScope, UnsupportedGrant
from service_kit.database.engine import SessionDep
from service_kit.problems import problem_responses
from service_kit.web.auth import Router
from service_kit.web.rate_limits import limited

router = Router(prefix="/api/v1/auth/token", tags=["services"], dependencies=[NoStore])


async def get_client(request: Request, session: SessionDep) -> ServiceClient:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode()
    except ValueError:
        raise ClientNotAuthenticated from None
    client_id, separator, secret = decoded.partition(":")
    if scheme.lower() != "basic" or not separator or not CLIENT_ID.fullmatch(client_id):
        raise ClientNotAuthenticated
    return await authenticate(session, client_id, secret)


AuthenticatedClient = Annotated[ServiceClient, Depends(get_client)]


@router.post(
    "",
    summary="A token for a service",
    responses=problem_responses(ClientNotAuthenticated, UnsupportedGrant, InvalidScope),
)
@limited("service")
async def create_service_token(
    client: AuthenticatedClient,
    issuer: IssuerDep,
    grant_type: Annotated[str, Form(max_length=100, examples=["client_credentials"])],
    scope: Annotated[str, Form(max_length=500)] = "",
) -> ServiceToken:
    if grant_type != "client_credentials":
        raise UnsupportedGrant
    granted = granted_scope(client, scope)
    token = await issuer.for_service(client.id, granted)
    return ServiceToken(access_token=token, expires_in=issuer.lifetime_seconds, scope=granted)
