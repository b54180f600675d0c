"""Rate limits with slowapi, counted in Redis, or in the process while Redis is away.

An endpoint names its limit with ``@limited("login")``; the amount is the setting
``LOGIN_RATE_LIMIT``. An endpoint without a name has ``DEFAULT_RATE_LIMIT``. Each endpoint counts by
itself, whatever ids its path holds, per user where the route needs a sign-in, else per client address,
whatever token comes along.
"""

import os
import time
import warnings
from collections.abc import Callable
from ipaddress import IPv6Address, IPv6Network
from typing import Any, TypeVar

from limits.storage import MemoryStorage, Storage
from redis import RedisError
from slowapi import Limiter
from starlette.requests import Request

from service_kit.circuit_breaker import CircuitBreaker
from service_kit.metrics import RATE_LIMIT_REFUSALS
from service_kit.redis_clients import blocking_client
from service_kit.settings import ServiceSettings

_ANSWERS_KEPT = 32

EndpointT = TypeVar("EndpointT", bound=Callable[..., Any])

_COUNT = """
local n = redis.call('INCRBY', KEYS[1], ARGV[2])
local ttl = redis.call('PTTL', KEYS[1])
if ttl < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[1] * 1000); ttl = ARGV[1] * 1000 end
return {n, ttl}
"""


def limited(name: str | Callable[[Request], str]) -> Callable[[EndpointT], EndpointT]:
    """Gives an endpoint the limit of the setting ``<NAME>_RATE_LIMIT``; a function says the name where not
    all requests cost the same."""

    def mark(endpoint: EndpointT) -> EndpointT:
        vars(endpoint)["__rate_limit__"] = name
        return endpoint

    return mark


def limit_name(request: Request) -> str:
    name: str | Callable[[Request], str] = getattr(
        request.scope["endpoint"], "__rate_limit__", "default"
    )
    return name if isinstance(name, str) else name(request)


class RateLimits:
    """slowapi's Limiter over the service's settings. ``check`` raises RateLimitExceeded."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._amounts = {
            name.removesuffix("_rate_limit"): getattr(settings, name)
            for name in type(settings).model_fields
            if name.endswith("_rate_limit")
        }
        for name in self._amounts:
            RATE_LIMIT_REFUSALS.labels(name)
        with warnings.catch_warnings():
            # It says that the null device is no file, which is why it is given.
            warnings.filterwarnings("ignore", "Config file", UserWarning)
            self.limiter = Limiter(
                key_func=_bucket,
                storage_uri="fallback+" + settings.cache_redis_url.get_secret_value(),
                # slowapi's own default counts each URL by itself: another id would be another limit.
                key_style="endpoint",
                key_prefix=f"limit:{type(settings).__module__.partition('.')[0]}",
                enabled=settings.rate_limit_enabled,
                # slowapi would read .env in the working folder, where RATELIMIT_ENABLED=false counts.
                config_filename=os.devnull,
            )
        self.check = self.limiter.limit(self._amount, key_func=_bucket)(_checked)

    def _amount(self, key: str) -> str:
        amount: str = self._amounts[key.partition("|")[0]]
        return amount

    def headers(self, request: Request) -> dict[str, str]:
        """``X-RateLimit-*`` for the request that ``check`` has just counted."""
        counted = getattr(request.state, "view_rate_limit", None)
        if not counted:
            return {}
        item, key = counted
        reset, remaining = self.limiter.limiter.get_window_stats(item, *key)
        return {
            "X-RateLimit-Limit": str(item.amount),
            "X-RateLimit-Remaining": str(remaining),
            "X-RateLimit-Reset": str(int(reset) + 1),
        }


async def _checked(request: Request) -> None:
    """slowapi decorates this one function for all endpoints: the key tells them apart."""


def _bucket(request: Request) -> str:
    endpoint = request.scope["endpoint"]
    return f"{limit_name(request)}|{endpoint.__module__}.{endpoint.__name__}|{_caller(request)}"


def _caller(request: Request) -> str:
    """Who is counted: the user where the route needs one, else the client's address. On a route that
    is open to all, tokens of one's own would open as many buckets as one has accounts."""
    principal = getattr(request.state, "principal", None)
    if principal is not None and request.state.needs_principal:
        return f"id:{principal.id}"
    return f"ip:{client_network(request.client.host) if request.client else 'unknown'}"


def client_network(host: str) -> str:
    """What one client has for itself: an IPv4 address, or the /64 of an IPv6 address (RFC 6177)."""
    if ":" not in host:
        return host
    try:
        address = IPv6Address(host.partition("%")[0])
    except ValueError:
        return host
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(IPv6Network((address, 64), strict=False))


class FallbackStorage(Storage):
    """Counts with one round trip to Redis, and in the process's memory while Redis is away.

    Headers ask for the count and its end again; the latest answers serve both.
    """

    STORAGE_SCHEME = ["fallback+redis", "fallback+rediss"]

    def __init__(self, uri: str, wrap_exceptions: bool = False, **options: Any) -> None:
        super().__init__(uri, wrap_exceptions=wrap_exceptions, **options)
        self._redis = blocking_client(uri.removeprefix("fallback+"))
        self._count = self._redis.register_script(_COUNT)
        self._breaker = CircuitBreaker("rate-limits")
        self._memory = MemoryStorage()
        self._answers: dict[str, tuple[int, float]] = {}

    @property
    def base_exceptions(self) -> type[Exception]:
        return RedisError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        if self._breaker.allow():
            try:
                count, ttl_milliseconds = self._count(keys=[key], args=[expiry, amount])
            except (RedisError, OSError):
                self._breaker.record_failure()
            else:
                self._breaker.record_success()
                return self._remember(key, count, time.time() + ttl_milliseconds / 1000)
        count = self._memory.incr(key, expiry, amount)
        return self._remember(key, count, self._memory.get_expiry(key))

    def _remember(self, key: str, count: int, ends_at: float) -> int:
        if len(self._answers) >= _ANSWERS_KEPT:
            self._answers.clear()
        self._answers[key] = (count, ends_at)
        return count

    def get(self, key: str) -> int:
        return self._answers[key][0] if key in self._answers else self._memory.get(key)

    def get_expiry(self, key: str) -> float:
        return self._answers[key][1] if key in self._answers else self._memory.get_expiry(key)

    def check(self) -> bool:
        return not self._breaker.is_open

    def reset(self) -> int | None:
        return self._memory.reset()

    def clear(self, key: str) -> None:
        self._memory.clear(key)
        if self._breaker.allow():
            try:
                self._redis.delete(key)
            except (RedisError, OSError):
                self._breaker.record_failure()
