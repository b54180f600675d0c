"""Flower as this service lets it be started: with sign-in, to look at only, and so that a row tells
what it is about.

Flower reads its options from ``FLOWER_*`` once Celery has imported the worker's module.
"""

from collections.abc import MutableMapping, Sequence
from pathlib import Path

from service_kit.settings import KNOWN_PASSWORDS

# Every task is called ``notifications.send`` or the like: what it carries, and since when, is in its
# args (``service_kit.messaging.celery_app.describe``). Those come last, because they may be long.
COLUMNS = "received,state,name,uuid,args"


def guard_flower(arguments: Sequence[str], environment: MutableMapping[str, str]) -> None:
    """Does nothing unless Flower is being started; then sets what is not set, however it is started.
    Without sign-in it would show its pages to anybody, whatever its API says, so that it does not
    start."""
    if "flower" not in arguments:
        return
    environment.setdefault("FLOWER_READ_ONLY", "true")
    environment.setdefault("FLOWER_TASKS_COLUMNS", COLUMNS)
    environment.setdefault("FLOWER_NATURAL_TIME", "true")
    secret_file = environment.pop("FLOWER_BASIC_AUTH_FILE", None)
    if secret_file:
        environment["FLOWER_BASIC_AUTH"] = Path(secret_file).read_text(encoding="utf-8").strip()
    _, _, password = environment.get("FLOWER_BASIC_AUTH", "").partition(":")
    is_development = environment.get("ENVIRONMENT", "production") == "development"
    if environment.get("FLOWER_BASIC_AUTH") and password in KNOWN_PASSWORDS and not is_development:
        raise SystemExit("FLOWER_BASIC_AUTH: the password is empty or one that everybody knows")
    if ":" not in environment.get("FLOWER_BASIC_AUTH", "") and not environment.get("FLOWER_AUTH"):
        raise SystemExit("FLOWER_BASIC_AUTH: is not set; give it as name:password")
