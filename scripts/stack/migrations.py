"""``scripts/migrations-check``: migrations and models agree, and running them twice changes nothing."""

import os
import secrets
import subprocess
import sys

from stack.errors import StackError
from stack.services import SERVICES
from stack.testing import ROOT, create_database, own_folder, servers


def check(service: str, package: str, variables: dict[str, str]) -> None:
    url = create_database(variables["TEST_POSTGRES_URL"], f"check_{service}")
    environment = {
        **os.environ,
        "ENVIRONMENT": "development",
        "DATABASE_URL": url.replace("postgresql://", "postgresql+asyncpg://", 1),
        "CACHE_REDIS_URL": variables["TEST_REDIS_URL"],
        "BROKER_URL": variables["TEST_REDIS_URL"],
        "SECRET_KEY": secrets.token_hex(32),
        "VERIFICATION_TOKEN_SECRET": secrets.token_hex(32),
        "RESET_PASSWORD_TOKEN_SECRET": secrets.token_hex(32),
    }
    for arguments in ([], [], ["--check"]):
        done = subprocess.run(
            [sys.executable, "-m", f"{package}.migrate", *arguments],
            env=environment,
            cwd=ROOT,
            check=False,
        )
        if done.returncode:
            raise StackError(f"{service}: migrate {' '.join(arguments)} failed; see above.")


def main() -> None:
    try:
        with own_folder() as folder, servers(folder) as variables:
            for service in SERVICES:
                print(f"migrations-check: {service.name}", flush=True)
                check(service.name, service.package, variables)
    except StackError as error:
        sys.exit(f"migrations-check: {error}")


if __name__ == "__main__":
    main()
