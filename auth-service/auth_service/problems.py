"""The problems of auth-service. ``error`` is the member that OAuth 2 clients read (RFC 6749, 5.2)."""

from service_kit.problems import NotAuthenticated, Problem, RateLimited


class EmailTaken(Problem):
    code, status, title = "email-taken", 409, "There is an account with this e-mail address."


class OrganizerHasEvents(Problem):
    code, status = "organizer-has-events", 409
    title = "There are published events that have not ended; cancel them first."


class BadCredentials(Problem):
    code, status, title = "bad-credentials", 400, "The e-mail address or the password is wrong."

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail, error="invalid_grant")


class BadToken(Problem):
    code, status, title = "bad-token", 400, "The link is invalid or has expired; request another."


class AlreadyVerified(Problem):
    code, status, title = "already-verified", 400, "The e-mail address is verified already."


class LinkNotNeeded(Problem):
    code, status, title = "link-not-needed", 409, "The account does not need this link."


class AddressChanged(Problem):
    code, status, title = (
        "address-changed",
        409,
        "The account does not have this address, or has two addresses.",
    )


class RefreshInvalid(Problem):
    code, status, title = "refresh-invalid", 401, "The session has ended; sign in again."

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"}, error="invalid_grant")


class RefreshReused(Problem):
    code, status, title = "refresh-reused", 401, "This refresh token was used; sign in again."

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"}, error="invalid_grant")


class ClientNotAuthenticated(NotAuthenticated):
    def __init__(self) -> None:
        super().__init__("The client is unknown, or its secret is wrong.")
        self.headers["WWW-Authenticate"] = 'Basic realm="parterre"'
        self.members["error"] = "invalid_client"


class UnsupportedGrant(Problem):
    code, status, title = (
        "unsupported-grant-type",
        400,
        "Only the grant type client_credentials is supported.",
    )

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail, error="unsupported_grant_type")


class InvalidScope(Problem):
    code, status, title = "invalid-scope", 400, "The client does not have this scope."

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail, error="invalid_scope")


class LockedOut(RateLimited):
    """Too many wrong passwords for one account, wherever they came from."""

    def __init__(self, seconds: int) -> None:
        super().__init__(
            f"Too many attempts; try again in {seconds} s.", headers={"Retry-After": str(seconds)}
        )
