"""Defaults for Flower: sign-in required, read-only, and columns that show what a task is about.

Flower reads ``FLOWER_*`` after Celery has imported the worker's module, which calls ``configure_flower``.
"""

from collections.abc import MutableMapping, Sequence
from pathlib import Path

from service_kit.settings import KNOWN_PASSWORDS

# Many tasks have the same name: kinds, ids and times are in their args
# (``service_kit.messaging.celery_app.describe``), which come last because they may be long.
COLUMNS = "received,state,name,uuid,args"


def configure_flower(arguments: Sequence[str], environment: MutableMapping[str, str]) -> None:
    """Sets the defaults in ``environment`` if ``arguments`` start Flower. Raises SystemExit if sign-in
    is not configured: Flower would show its pages to anybody."""
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
