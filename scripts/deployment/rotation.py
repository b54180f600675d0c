"""What follows a change of a secret: the running servers are told, and the operator what to restart."""

import hashlib
from dataclasses import dataclass

from deployment.engine import Engine
from deployment.errors import CommandFailed
from deployment.secret_files import SecretFiles

AUTH = "auth auth-relay"
EVENT = "event event-relay"
NOTIFICATION = "notification notification-worker notification-maintenance notification-beat"
ALL = f"{AUTH} {EVENT} {NOTIFICATION} flower"
REDIS = ("redis-broker", "redis-cache")
ROLES = {
    "postgres_password": "postgres",
    "auth_database_password": "auth",
    "event_database_password": "events",
    "notification_database_password": "notifications",
}
CHANGES_KEYS = (
    "./scripts/compose run --rm --no-deps auth-migrate"
    " python -m auth_service.keys rotate --compromised"
)


@dataclass(frozen=True)
class Follow:
    """``commands`` in their order; ``remark`` says what people notice."""

    commands: tuple[str, ...]
    remark: str = ""


def restart(services: str) -> str:
    return f"./scripts/compose restart {services}"


def apply_and_restart(name: str, services: str) -> str:
    """PostgreSQL knows one password of a role: from its change to the restart, a service gets no new
    connection. So both are one command, and the change of the file does not change PostgreSQL."""
    return f"./scripts/secrets --apply {name} && {restart(services)}"


GAP = "The old password counts until then; requests of these services fail until they are back."
FOLLOWS = {
    "postgres_password": Follow((), "Only administration uses it."),
    "auth_database_password": Follow((apply_and_restart("auth_database_password", AUTH),), GAP),
    "event_database_password": Follow((apply_and_restart("event_database_password", EVENT),), GAP),
    "notification_database_password": Follow(
        (apply_and_restart("notification_database_password", NOTIFICATION),), GAP
    ),
    "monitoring_database_password": Follow(
        ("./scripts/compose --profile monitoring restart monitoring-role postgres-exporter",),
        "Only where --profile monitoring runs.",
    ),
    "redis_password": Follow(
        (restart(ALL), restart(" ".join(REDIS))),
        "Both passwords count until Redis starts again; bookings go on, mails wait for seconds.",
    ),
    "secret_key": Follow(
        (CHANGES_KEYS, restart(AUTH)),
        "Signing keys are made anew: each token is refused once and then refreshed, which pages do.",
    ),
    "verification_token_secret": Follow(
        (restart(AUTH),), "Links in mails that were sent before no longer confirm an address."
    ),
    "reset_password_token_secret": Follow(
        (restart(AUTH),), "Links in mails that were sent before no longer reset a password."
    ),
    "event_service_client_secret": Follow(
        ("./scripts/compose run --rm --no-deps auth-migrate", restart(EVENT))
    ),
    "notification_service_client_secret": Follow(
        ("./scripts/compose run --rm --no-deps auth-migrate", restart(NOTIFICATION))
    ),
    "flower_password": Follow((restart("flower"),)),
    "smtp_password": Follow(
        (restart("notification-worker"),), "Mails wait while the mail server refuses the sign-in."
    ),
    "sentry_dsn": Follow((restart(ALL),)),
    "backup_key": Follow(
        (),
        "Keep a copy where this host's backups are not; older backups need backup_key.old.",
    ),
}


def is_told_at_once(name: str) -> bool:
    """Whether servers can have the new password while services still use the old one."""
    return name in ("postgres_password", "redis_password")


def tell_servers(engine: Engine, files: SecretFiles, name: str) -> str:
    """Gives the new password to a server that is running; a line that says so. Empty if no server
    has this secret. Raises CommandFailed."""
    files.path(name)
    if name in ROLES:
        _alter_role(engine, ROLES[name], files.read(name))
        return f"PostgreSQL has the new password of {ROLES[name]}."
    if name == "redis_password":
        for service in REDIS:
            _redis(
                engine, files, service, "ACL", "SETUSER", "default", f"#{_hash(files.read(name))}"
            )
        return "Both Redis take the new password beside the old one."
    return ""


def _alter_role(engine: Engine, role: str, password: str) -> None:
    """By standard input and without a line in the server's log; the socket in the container asks
    for no password."""
    quoted = password.replace("'", "''")
    statements = (
        "SET log_statement = 'none'; SET log_min_duration_statement = -1;"
        " SET log_min_error_statement = 'panic'; SET standard_conforming_strings = on;\n"
        f"ALTER ROLE \"{role}\" PASSWORD '{quoted}';\n"
    )
    command = ("psql", "--username=postgres", "--quiet", "--set=ON_ERROR_STOP=1")
    _execute(engine, "postgres", command, statements.encode())


def _redis(engine: Engine, files: SecretFiles, service: str, *command: str) -> None:
    """Signs in with the password that the server was started with, which its container has."""
    script = 'REDISCLI_AUTH="$(cat /run/secrets/redis_password)" exec redis-cli "$@"'
    said = _execute(engine, service, ("sh", "-c", script, "sh", *command))
    if said.strip() != "OK":
        raise CommandFailed(f"{service} did not take the new password: {said.strip()}")


def _hash(password: str) -> str:
    """As Redis keeps it: what was hashed need not be quoted, and tells nothing."""
    return hashlib.sha256(password.encode()).hexdigest()


def _execute(
    engine: Engine, service: str, command: tuple[str, ...], stdin: bytes | None = None
) -> str:
    container = engine.running(service)
    return engine.docker("exec", "--interactive", container.id, *command, stdin=stdin)
