"""Of several processes behind one port each answers for all, whoever is asked."""

import httpx

from event_service.settings import Settings
from tests.events.servers import Servers, servers
from tests.metrics import values

__all__ = ["servers"]

REQUESTS = 40
ROUTE = "/api/v1/events"


async def test_each_process_answers_for_all(servers: Servers, settings: Settings) -> None:
    [server] = await servers.start(settings, 1, WEB_CONCURRENCY="2", LOG_LEVEL="WARNING")
    try:
        # A new connection each time, which either process may get.
        for _ in range(REQUESTS):
            async with httpx.AsyncClient(base_url=server.url) as client:
                assert (await client.get(ROUTE)).status_code == 200
        counts = set()
        for _ in range(10):
            async with httpx.AsyncClient(base_url=server.url) as client:
                found = values((await client.get("/metrics")).text)
            counts.add(
                sum(
                    value
                    for (name, labels), value in found.items()
                    if name == "http_requests_total" and dict(labels)["route"] == ROUTE
                )
            )
            # Of two processes with 10 connections each.
            assert found["database_pool_size_connections", ()] in (10, 20)
    finally:
        server.ask_to_end()
        await server.has_ended()
    assert counts == {REQUESTS}
