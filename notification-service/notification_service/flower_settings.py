"""Defaults for Flower: sign-in required, read-only, and columns that show what a task is about.

Sign-in is ``FLOWER_USER`` (``ops`` unless it is set) and ``FLOWER_PASSWORD``, or the file that
``FLOWER_PASSWORD_FILE`` names. Flower reads ``FLOWER_*`` itself after Celery has imported the worker's
module, which calls ``configure_flower``. Workers import this module, so it imports nothing of Flower.
"""

from collections.abc import MutableMapping, Sequence

from service_kit.secret_rules import KNOWN_PASSWORDS
from service_kit.settings_sources import read_secret

# Many tasks have the same name: kinds, ids and times are in their args
# (``service_kit.messaging.celery_app.describe``), which come last because they may be long.
COLUMNS = "received,state,name,uuid,args"
DEFAULT_USER = "ops"


def configure_flower(arguments: Sequence[str], environment: MutableMapping[str, str]) -> None:
    """Sets the defaults in ``environment`` if ``arguments`` start Flower. Raises SystemExit if sign-in
    is not configured: Flower would show its pages to anybody."""
    if "flower" not in arguments:
        return
    set_defaults(environment)
    if sign_ins := read_sign_ins(environment):
        environment["FLOWER_BASIC_AUTH"] = ",".join(sign_ins)


def set_defaults(environment: MutableMapping[str, str]) -> None:
    environment.setdefault("FLOWER_READ_ONLY", "true")
    environment.setdefault("FLOWER_TASKS_COLUMNS", COLUMNS)
    environment.setdefault("FLOWER_NATURAL_TIME", "true")


def read_sign_ins(environment: MutableMapping[str, str]) -> list[str]:
    """``user:password`` for each who may sign in, from variables that are taken out of
    ``environment``; empty if ``FLOWER_AUTH`` configures another way.

    ``FLOWER_BASIC_AUTH`` may name several, with commas. Raises SystemExit if there is none, or one
    with a password that everybody knows.
    """
    user = environment.pop("FLOWER_USER", "") or DEFAULT_USER
    password = _taken(environment, "FLOWER_PASSWORD")
    whole = _taken(environment, "FLOWER_BASIC_AUTH")
    if password and ":" in user:
        raise SystemExit("FLOWER_USER: contains a colon, which ends the name in a sign-in")
    name = "FLOWER_PASSWORD" if password else "FLOWER_BASIC_AUTH"
    sign_ins = [f"{user}:{password}"] if password else [one for one in whole.split(",") if one]
    if not sign_ins and environment.get("FLOWER_AUTH"):
        return []
    is_development = environment.get("ENVIRONMENT", "production") == "development"
    for sign_in in sign_ins or [""]:
        if problem := _problem(sign_in, is_development=is_development):
            raise SystemExit(f"{name}: {problem}")
    return sign_ins


def _problem(sign_in: str, *, is_development: bool) -> str | None:
    _, separator, password = sign_in.partition(":")
    if not separator:
        return "is not set; ./scripts/secrets makes a password for FLOWER_PASSWORD_FILE"
    if password.lower() in KNOWN_PASSWORDS and not is_development:
        return "the password is empty or one that everybody knows"
    if not sign_in.isascii():
        return "contains a letter outside of ASCII, which Flower cannot compare"
    return None


def _taken(environment: MutableMapping[str, str], name: str) -> str:
    """A variable or the content of the file that ``NAME_FILE`` names; Flower knows neither."""
    value, file = environment.pop(name, ""), environment.pop(f"{name}_FILE", "")
    return read_secret(file) if file else value
