"""``python -m notification_service.flower``: Flower, whose sign-in may contain any character.

The sign-in is set as an option and not as ``FLOWER_BASIC_AUTH``, which Flower would divide at commas.
"""

import os
import sys
from collections.abc import MutableMapping, Sequence

# It defines ``options.basic_auth``.
import flower.options  # noqa: F401
from celery.bin.celery import celery
from tornado.options import options

from notification_service.flower_settings import read_sign_ins, set_defaults

COMMAND = ("-A", "notification_service.tasks", "flower", "--address=0.0.0.0", "--port=5555")


def main(arguments: Sequence[str], environment: MutableMapping[str, str]) -> None:
    """Runs Flower with the sign-in of ``environment``. ``arguments`` come after the defaults."""
    set_defaults(environment)
    options.basic_auth = read_sign_ins(environment)
    celery.main(args=[*COMMAND, *arguments], prog_name="celery")


if __name__ == "__main__":
    main(sys.argv[1:], os.environ)
