"""The problems that event-service answers; service_kit.problems has those of every service."""

from service_kit.problems import NotFound, Problem


class EmailNotVerified(Problem):
    code, status, title = "email-not-verified", 403, "Verify your e-mail address first."

    def __init__(self) -> None:
        super().__init__(
            "Open the link in the mail that we sent you. To get it again, press the button at the top of"
            " the page, or send your address to POST /api/v1/auth/request-verify-token."
        )


class CapacityInUse(Problem):
    code, status, title = "capacity-in-use", 409, "Seats that would be removed are booked or held."


class TooManyDraftSeats(Problem):
    code, status = "too-many-draft-seats", 409
    title = "Your drafts have too many seats; publish or delete some."


class EventHasBookings(Problem):
    code, status, title = "event-has-bookings", 409, "Only a draft can be deleted; cancel it."


class EventCancelled(Problem):
    code, status, title = "event-cancelled", 409, "The event is cancelled."


class SeatsUnavailable(Problem):
    code, status, title = "seats-unavailable", 409, "Some of these seats are taken."


class SoldOut(Problem):
    code, status, title = "sold-out", 409, "Not enough seats are left."


class SalesClosed(Problem):
    code, status, title = "sales-closed", 409, "Seats of this event are not on sale now."


class EventChanged(Problem):
    code, status, title = "event-changed", 409, "The event has been changed since you looked at it."

    def __init__(self) -> None:
        super().__init__("Look at its price, time and place again, then book.")


class SeatLimitReached(Problem):
    code, status, title = (
        "seat-limit-reached",
        409,
        "You would have more seats than one person may have.",
    )


class IdempotencyMismatch(Problem):
    code, status, title = (
        "idempotency-mismatch",
        422,
        "This idempotency key was used for another request.",
    )


class RequestInProgress(Problem):
    code, status, title = (
        "request-in-progress",
        409,
        "The first request with this idempotency key is still running.",
    )


class HoldExpired(Problem):
    code, status, title = "hold-expired", 409, "The hold has expired; its seats are free again."


class BookingEnded(Problem):
    code, status, title = "booking-ended", 409, "The booking was cancelled."


class CheckedIn(Problem):
    code, status, title = "checked-in", 409, "A ticket that was used cannot be cancelled."


class CancellationClosed(Problem):
    code, status, title = "cancellation-closed", 409, "It is too late to cancel."


class BookingNotConfirmed(Problem):
    code, status, title = "booking-not-confirmed", 409, "Confirm the booking first."


class SeatsAvailable(Problem):
    code, status, title = "seats-available", 409, "Enough seats are free: book them."


class NeverAvailable(Problem):
    code, status, title = "never-available", 409, "The event can never offer that many seats."


class AlreadyWaiting(Problem):
    code, status, title = "already-waiting", 409, "You are already on the waitlist of this event."


class TooManyDoorLinks(Problem):
    code, status, title = "too-many-door-links", 409, "The event has too many door links."


class TooManyHalls(Problem):
    code, status, title = "too-many-halls", 409, "You keep too many halls."


class UnknownTicket(NotFound):
    title = "No ticket of this event has that code."

    def __init__(self) -> None:
        super().__init__(
            "Compare the code with the ticket, and the ticket's event and day with this one. The"
            " ticket of a cancelled booking is not valid."
        )


class AlreadyCheckedIn(Problem):
    code, status, title = "already-checked-in", 409, "This ticket has been used."
