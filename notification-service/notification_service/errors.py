"""The problems of notification-service."""

from service_kit.problems import Problem


class NotResendable(Problem):
    code, status, title = "not-resendable", 409, "This mail was overtaken and is not sent again."
