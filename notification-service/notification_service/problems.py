"""The problems that notification-service answers with (RFC 9457)."""

from service_kit.problems import Problem


class NotResendable(Problem):
    code, status, title = "not-resendable", 409, "This mail was overtaken and is not sent again."
