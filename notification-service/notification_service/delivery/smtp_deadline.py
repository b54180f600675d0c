"""smtplib with a deadline for each reply.

A socket's timeout is for one ``recv``: a server that sends a byte now and then (a tarpit, or one that
writes its greeting in many lines) would keep a worker beyond any timeout, and beyond its lease.
"""

import io
import smtplib
import socket
from collections.abc import Callable
from typing import Any

SecondsLeft = Callable[[], float]


class _Replies(io.RawIOBase):
    """What the server sends. Raises TimeoutError as soon as no time is left."""

    def __init__(self, connection: socket.socket, seconds_left: SecondsLeft) -> None:
        super().__init__()
        self._connection = connection
        self._seconds_left = seconds_left

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        seconds = self._seconds_left()
        if seconds <= 0:
            raise TimeoutError("the reply took too long")
        self._connection.settimeout(seconds)
        return self._connection.recv_into(buffer)


class _Deadline:
    """For a subclass of ``smtplib.SMTP``: ``seconds_left`` is asked before each ``recv``."""

    sock: socket.socket | None
    file: Any

    def __init__(self, *arguments: Any, seconds_left: SecondsLeft, **options: Any) -> None:
        self._seconds_left = seconds_left
        super().__init__(*arguments, **options)

    def getreply(self) -> tuple[int, bytes]:
        # smtplib forgets the file when the socket is another, as after STARTTLS.
        if self.file is None and self.sock is not None:
            self.file = io.BufferedReader(_Replies(self.sock, self._seconds_left))
        untyped: Any = super()
        reply: tuple[int, bytes] = untyped.getreply()
        return reply


class DeadlineSMTP(_Deadline, smtplib.SMTP):
    """As ``smtplib.SMTP``."""


class DeadlineSMTPS(_Deadline, smtplib.SMTP_SSL):
    """As ``smtplib.SMTP_SSL``."""
