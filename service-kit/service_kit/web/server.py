"""``python -m <service>``: uvicorn with the settings of the service."""

import gc

import uvicorn
from fastapi import FastAPI

from service_kit.metrics import share_among_processes
from service_kit.settings import ServiceSettings, load_settings
from service_kit.web.connections import BoundedProtocol

GRACE_SECONDS = 20


def serve(package: str, settings_class: type[ServiceSettings]) -> None:
    """Serves ``<package>.main:app``, a factory; SIGTERM lets the requests under way finish."""
    settings = load_settings(settings_class)
    if settings.web_concurrency > 1:
        share_among_processes()
    uvicorn.run(
        f"{package}.main:app",
        factory=True,
        http=BoundedProtocol,
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


def freeze_gc(app: FastAPI) -> FastAPI:
    """The application that a process serves until its end: the garbage collector need not look again
    and again at what has been imported and built for it, while everybody waits."""
    gc.collect()
    gc.freeze()
    return app
