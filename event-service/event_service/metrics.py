"""What event-service counts. ``service_kit.metrics`` has what every service counts, and says how; all of
it is described in deploy/MONITORING.md."""

from prometheus_client import Counter, Histogram

from service_kit import metrics

BOOKING_LABELS = ("outcome", "reason")
BOOKING_REQUESTS = Counter(
    "booking_requests_total", "Requests to book or hold seats.", BOOKING_LABELS, registry=None
)
BOOKING_SEATS = Counter(
    "booking_seats_total",
    "Seats that those requests have asked for.",
    BOOKING_LABELS,
    registry=None,
)
BATCH_REQUESTS = Histogram(
    "booking_batch_requests",
    "Requests that one transaction books.",
    registry=None,
    # The last is the largest batch.
    buckets=(1, 2, 5, 10, 20, 50, 64),
)
HOLDS_BEGUN = Counter(
    "holds_begun_total",
    "Holds that guests have begun, or the waitlist.",
    ("source",),
    registry=None,
)
HOLDS_CONFIRMED = Counter("holds_confirmed_total", "Holds that became bookings.", registry=None)
HOLDS_EXPIRED = Counter("holds_expired_total", "Holds whose time was over.", registry=None)
HOLDS_CANCELLED = Counter(
    "holds_cancelled_total",
    "Holds that ended before their time was over.",
    ("reason",),
    registry=None,
)
WAITLIST_OFFERED_SEATS = Counter(
    "waitlist_offered_seats_total", "Seats of the holds that the waitlist has begun.", registry=None
)
CHECK_INS = Counter(
    "check_ins_total", "Tickets shown at a door or desk.", ("place", "result"), registry=None
)
PAGE_READS = Counter(
    "page_cache_reads_total",
    "Looks for a stored page, and where it was.",
    ("result",),
    registry=None,
)

OF_SEATS = (HOLDS_BEGUN, HOLDS_CONFIRMED, HOLDS_EXPIRED, HOLDS_CANCELLED, WAITLIST_OFFERED_SEATS)
OF_API = (
    BOOKING_REQUESTS,
    BOOKING_SEATS,
    BATCH_REQUESTS,
    CHECK_INS,
    PAGE_READS,
    *OF_SEATS,
)

for outcome in ("confirmed", "held", "replayed"):
    BOOKING_REQUESTS.labels(outcome, "")
    BOOKING_SEATS.labels(outcome, "")
for source in ("guest", "waitlist"):
    HOLDS_BEGUN.labels(source)
for reason in ("given-up", "event-cancelled", "account-erased"):
    HOLDS_CANCELLED.labels(reason)
for place in ("desk", "door"):
    for result in ("checked-in", "already-checked-in", "unknown-ticket"):
        CHECK_INS.labels(place, result)
for result in ("process", "redis", "nowhere"):
    PAGE_READS.labels(result)


def count_request(outcome: str, seats: int, *, reason: str = "") -> None:
    """``reason``: the code of the problem that refuses it."""
    BOOKING_REQUESTS.labels(outcome, reason).inc()
    BOOKING_SEATS.labels(outcome, reason).inc(seats)
    if outcome == "held":
        HOLDS_BEGUN.labels("guest").inc()


def count_offers(offers: int, seats: int) -> None:
    metrics.count(HOLDS_BEGUN.labels("waitlist"), offers)
    metrics.count(WAITLIST_OFFERED_SEATS, seats)


def count_check_in(place: str, result: str = "checked-in") -> None:
    """A door's refusals too: each is one of several results of a request, and its transaction commits."""
    metrics.count(CHECK_INS.labels(place, result))


def count_refused_at_desk(result: str) -> None:
    """At once: there a refusal is a problem, which rolls back."""
    CHECK_INS.labels("desk", result).inc()
