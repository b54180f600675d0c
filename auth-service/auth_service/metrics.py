"""What auth-service counts. ``service_kit.metrics`` has what every service counts, and says how; all of
it is described in deploy/MONITORING.md."""

import contextlib
from collections.abc import Iterator

from prometheus_client import Counter

from auth_service.problems import BadCredentials, LockedOut, RefreshInvalid, RefreshReused
from service_kit.metrics import count

SIGN_INS = Counter(
    "sign_ins_total", "Sign-ins with a password.", ("kind", "outcome"), registry=None
)
SESSION_RENEWALS = Counter(
    "session_renewals_total", "Renewals of sessions.", ("kind", "outcome"), registry=None
)
OF_API = (SIGN_INS, SESSION_RENEWALS)

REFUSALS: dict[type[Exception], str] = {
    BadCredentials: "bad-credentials",
    LockedOut: "locked-out",
    RefreshInvalid: "invalid",
    RefreshReused: "reused",
}
for kind in ("token", "browser"):
    for outcome in ("succeeded", "bad-credentials", "locked-out"):
        SIGN_INS.labels(kind, outcome)
    for outcome in ("succeeded", "invalid", "reused"):
        SESSION_RENEWALS.labels(kind, outcome)


@contextlib.contextmanager
def counted(counter: Counter, kind: str) -> Iterator[None]:
    """Counts how a sign-in or a renewal ends: a refusal at once, since its transaction rolls back."""
    try:
        yield
    except tuple(REFUSALS) as refusal:
        outcome = next(word for known, word in REFUSALS.items() if isinstance(refusal, known))
        counter.labels(kind, outcome).inc()
        raise
    count(counter.labels(kind, "succeeded"))
