"""``python -m <service>``: uvicorn with the settings of the service."""

import uvicorn

from service_kit.settings import ServiceSettings

GRACE_SECONDS = 20


def serve(application: str, settings: ServiceSettings) -> None:
    """Serves ``package.module:factory``; SIGTERM lets the requests under way finish."""
    uvicorn.run(
        application,
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.web_concurrency,
        reload=settings.reload,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_keep_alive=75,
        backlog=2048,
    )
