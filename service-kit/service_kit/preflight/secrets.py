"""The secrets as files: there, strong enough, and none used twice."""

import os
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from service_kit.secret_rules import (
    dsn_problem,
    foreign_password_problem,
    key_problem,
    password_problem,
)
from service_kit.settings_sources import read_secret

FOLDER = Path("/run/secrets")
ROTATE = "./scripts/secrets --rotate {}"
SET = "./scripts/secrets --set {}"
# Of random characters, 32 hexadecimal digits are the fewest; a repeated word has fewer different ones.
MIN_DIFFERENT = 8


@dataclass(frozen=True)
class Rule:
    """What a secret must be like, and the command that mends it."""

    problem: Callable[[str], str | None]
    is_optional: bool = False
    mend: str = ROTATE


RULES: Mapping[str, Rule] = {
    **{
        name: Rule(password_problem)
        for name in (
            "postgres_password",
            "auth_database_password",
            "event_database_password",
            "notification_database_password",
            "redis_password",
            "flower_password",
        )
    },
    **{
        name: Rule(key_problem)
        for name in (
            "secret_key",
            "verification_token_secret",
            "reset_password_token_secret",
            "event_service_client_secret",
            "notification_service_client_secret",
        )
    },
    "smtp_password": Rule(foreign_password_problem, is_optional=True, mend=SET),
    "sentry_dsn": Rule(dsn_problem, is_optional=True, mend=SET),
}


class Secrets:
    """All secrets by name. ``problems`` has a line for each that is missing, weak or a copy."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder = folder
        self.problems: list[str] = []
        self.values = {name: self._read(name) for name in RULES}

    def examine(self, *, is_development: bool) -> list[str]:
        """Development has secrets that everybody knows; they only have to be readable."""
        if is_development:
            return self.problems
        users = defaultdict(list)
        for name, value in self.values.items():
            rule = RULES[name]
            problem = rule.problem(value) if value else None
            if not problem and not rule.is_optional and 0 < len(set(value)) < MIN_DIFFERENT:
                problem = f"has fewer than {MIN_DIFFERENT} different characters"
            if problem:
                self.problems.append(f"secrets/{name} {problem}: {rule.mend.format(name)}")
            if value and not rule.is_optional:
                users[value].append(name)
        for names in users.values():
            if len(names) > 1:
                alike = " and ".join(f"secrets/{name}" for name in names)
                self.problems.append(f"{alike} are the same: {ROTATE.format(names[-1])}")
        return self.problems

    def _read(self, name: str) -> str:
        """From the folder, else from the environment. Empty if that fails, which is a problem."""
        path = self.folder / name
        try:
            value = read_secret(path)
        except FileNotFoundError:
            value = os.environ.get(name.upper(), "")
        except (OSError, UnicodeDecodeError) as error:
            self.problems.append(self._unreadable(path, error))
            return ""
        if not value and not RULES[name].is_optional:
            state = "is empty: delete it and run" if path.exists() else "is missing: run"
            self.problems.append(f"secrets/{name} {state} ./scripts/secrets")
        return value

    def _unreadable(self, path: Path, error: Exception) -> str:
        if not isinstance(error, PermissionError):
            return (
                f"secrets/{path.name} cannot be read ({error}): delete it and run ./scripts/secrets"
            )
        owner, user = path.stat().st_uid, os.getuid()
        return (
            f"secrets/{path.name} belongs to user {owner}, and containers run as user {user}: "
            f"set PARTERRE_UID={owner} in .env, or run ./scripts/secrets as root"
        )
