"""The first start of a host: base images, preflight, everything up, the first superuser, the certificate."""

import os
import re
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Mapping

from deployment.configuration import copy_configuration
from deployment.engine import Engine
from deployment.errors import CommandFailed
from deployment.layout import Layout
from deployment.record import link_scripts
from deployment.services import IMAGE_PREFIX, MONITORING
from deployment.steps import Steps

PULL_SECONDS = 900
PREFLIGHT_SECONDS = 120
CERTIFICATE_SECONDS = 90.0
POLL_SECONDS = 3.0
SUPERUSER = ("python", "-m", "auth_service.cli", "superuser")


def start(engine: Engine, steps: Steps) -> None:
    """Everything runs and has passed the smoke test afterwards. Raises CommandFailed."""
    layout = engine.layout
    # Until the first start has succeeded there is no release in use, and scripts are needed all the same.
    is_in_use = layout.current.is_symlink()
    link_scripts(layout, "current" if is_in_use else f"releases/{engine.version}")
    if is_in_use and all_run(engine):
        steps(f"{engine.version} runs already")
        return
    fetch_base_images(engine, steps)
    if not is_in_use:
        preflight(engine, steps)
    steps(f"starting {engine.version}: a minute or two")
    release = layout.release(engine.version)
    sys.stdout.flush()
    code = subprocess.run(
        [sys.executable, "-m", "deployment.background", engine.version, "--without-backup"],
        env={
            **os.environ,
            "PARTERRE_HOME": str(layout.home),
            "COMPOSE_PROJECT_NAME": layout.project,
            "PYTHONPATH": str(release / "scripts"),
        },
        cwd=layout.home,
        check=False,
    ).returncode
    if code:
        raise CommandFailed(
            f"it does not run yet; the lines above say why. Logs: cd {layout.home} &&"
            " ./scripts/compose logs --tail 50. Then run this again: it goes on from here"
        )


def all_run(engine: Engine) -> bool:
    containers = engine.containers()
    return any(one.service == "gateway" for one in containers) and all(
        one.is_healthy or (not one.is_running and one.exit_code == 0) for one in containers
    )


def base_images(compose_file: str) -> list[str]:
    """Images of the Compose file that are not ours, each once, without those of monitoring."""
    services = re.split(r"^  (?=[\w-]+:$)", compose_file, flags=re.M)
    started = (text for text in services if not text.startswith(tuple(f"{m}:" for m in MONITORING)))
    names = re.findall(r"^\s+image: ([^\s$]+)$", "".join(started), re.M)
    return [name for name in dict.fromkeys(names) if not name.startswith(IMAGE_PREFIX)]


def fetch_base_images(engine: Engine, steps: Steps) -> None:
    for image in base_images(engine.layout.compose_file(engine.version).read_text()):
        try:
            engine.docker("image", "inspect", image)
        except CommandFailed:
            steps(f"fetching {image}")
            engine.docker("pull", "--quiet", image, seconds=PULL_SECONDS, with_errors=True)


def preflight(engine: Engine, steps: Steps) -> None:
    """Raises CommandFailed with a line for each setting and secret that is wrong."""
    copy_configuration(engine.layout, engine.version)
    try:
        engine.compose(
            *("run", "--rm", "--no-deps", "preflight"), seconds=PREFLIGHT_SECONDS, with_errors=True
        )
    except CommandFailed as error:
        lines = [line.strip() for line in str(error).splitlines() if "preflight: " in line]
        told = "\n".join(f"  {line.partition('preflight: ')[2]}" for line in lines) or str(error)
        raise CommandFailed(
            f"before the start:\n{told}\nCorrect it in {engine.layout.settings}; commands begin with:"
            f" cd {engine.layout.home}\nThen run this again"
        ) from None
    steps("preflight: settings and secrets are well, the mail server too")


def make_superuser(engine: Engine, email: str, password: str) -> str:
    """What auth-service says to it. Raises CommandFailed."""
    container = engine.running("auth")
    flags = ("--password-stdin",) if password else ()
    try:
        answer = engine.docker(
            *("exec", "--interactive", container.id, *SUPERUSER, email, *flags),
            stdin=password.encode(),
            with_errors=True,
        )
    except CommandFailed as error:
        reason = str(error).splitlines()[-1].strip().removeprefix("admin: ").rstrip(".")
        raise CommandFailed(
            f"everything runs, but there is no superuser: {reason}. Run this again with another"
            " answer: it asks for the account only"
        ) from None
    return answer.strip().splitlines()[-1]


def warn_without_certificate(layout: Layout, answers: Mapping[str, str], steps: Steps) -> None:
    """Waits for Let's Encrypt's certificate; one that does not come is no failure of the installation."""
    if answers.get("TLS") != "automatic":
        return
    port = int(layout.setting("GATEWAY_TLS_PORT", "443"))
    end = time.monotonic() + CERTIFICATE_SECONDS
    while problem := certificate_problem(answers["PUBLIC_HOST"], port):
        if time.monotonic() > end:
            steps(f"no certificate yet ({problem}); see deploy/README.md, The certificate")
            return
        time.sleep(POLL_SECONDS)
    steps("the certificate is there")


def certificate_problem(host: str, port: int, address: str = "127.0.0.1") -> str:
    """Why a browser would not trust this machine's gateway; empty if it would."""
    context = ssl.create_default_context()
    try:
        with (
            socket.create_connection((address, port), timeout=5) as plain,
            context.wrap_socket(plain, server_hostname=host),
        ):
            return ""
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    except (OSError, ssl.SSLError) as error:
        return getattr(error, "reason", None) or str(error)
