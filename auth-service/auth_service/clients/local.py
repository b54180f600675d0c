"""The client with which auth-service calls the others: it signs its own token."""

import time

import httpx

from auth_service.keys.tokens import TokenIssuer
from auth_service.settings import Settings
from service_kit.messaging.service_client import RENEW_SECONDS_BEFORE_END, ServiceClient

CLIENT_ID = "auth-service"
SCOPE = "events:organizers notifications:send users:erase"


class LocalServiceClient(ServiceClient):
    def __init__(self, settings: Settings, http: httpx.AsyncClient, issuer: TokenIssuer) -> None:
        super().__init__(settings, http)
        self._issuer = issuer

    async def _fetch_token(self) -> None:
        self._token = await self._issuer.for_service(CLIENT_ID, SCOPE)
        lifetime = self._issuer.lifetime_seconds
        self._renew_at = time.monotonic() + lifetime - RENEW_SECONDS_BEFORE_END
