"""JSON logs on standard output, one object a line, with the request id of what they belong to."""

import logging
import sys
from typing import Any

import structlog
from structlog.typing import EventDict

LEVELS = logging.getLevelNamesMapping()

SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


_FilteringLogger: Any = structlog.make_filtering_bound_logger(logging.NOTSET)


class _Logger(_FilteringLogger):  # type: ignore[misc]  # the base is made at run time
    """Asks the standard library for the level. structlog's own classes have it fixed, and loggers
    that modules keep would stay at the level at which they were first used."""

    def _proxy_to_logger(self, method_name: str, event: str | None = None, **fields: Any) -> Any:
        if self._logger.isEnabledFor(LEVELS[method_name.upper()]):
            return super()._proxy_to_logger(method_name, event, **fields)
        return None


def configure_logging(service: str, level: str) -> None:
    """Sends structlog's and the standard library's records down one road to standard output. Once
    more in the same process, the last call's settings hold, for loggers in use too."""

    def name_the_service(_: Any, __: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    structlog.configure(
        processors=[*SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=_Logger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=SHARED,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                name_the_service,
                # Messages of exceptions may quote what a person typed; where it broke is enough.
                _trace_without_values,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # One line a request comes from RequestContext; httpx would write URLs with their queries.
    for noisy in ("uvicorn.access", "httpx", "httpcore"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    for owned in ("uvicorn", "uvicorn.error"):
        logging.getLogger(owned).handlers = []
        logging.getLogger(owned).propagate = True


def _trace_without_values(_: Any, __: str, event: EventDict) -> EventDict:
    exc_info = event.pop("exc_info", None)
    if exc_info is True:
        exc_info = sys.exc_info()
    elif isinstance(exc_info, BaseException):
        exc_info = (type(exc_info), exc_info, exc_info.__traceback__)
    if exc_info and exc_info[0]:
        event["exception"] = describe(exc_info[1])
    event.pop("exception_text", None)
    return event


def describe(error: BaseException) -> dict[str, Any]:
    """An exception as its types and the places it came through, without its message."""
    frames = []
    trace = error.__traceback__
    while trace:
        code = trace.tb_frame.f_code
        frames.append(f"{code.co_filename}:{trace.tb_lineno} {code.co_qualname}")
        trace = trace.tb_next
    chain: list[str] = []
    current: BaseException | None = error
    while current and len(chain) < 5:
        chain.append(f"{type(current).__module__}.{type(current).__qualname__}")
        current = current.__cause__ or current.__context__
    return {"types": chain, "frames": frames[-12:]}
