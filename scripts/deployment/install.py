"""``./scripts/install [VERSION]``: Parterre on this machine, from nothing to a first sign-in.

Checks the machine, asks what it must know, makes ``~/parterre`` with settings and secrets, starts
everything and makes the first superuser. A second run asks only what is not known yet, and goes on
where the first ended.
"""

import argparse
import getpass
import os
import subprocess
from pathlib import Path

from deployment import images, tune
from deployment.answers import (
    QUESTIONS,
    Ask,
    Question,
    collect,
    present_settings,
    to_settings,
    with_settings,
)
from deployment.engine import Engine
from deployment.errors import CommandFailed, run_command
from deployment.first_start import make_superuser, start, warn_without_certificate
from deployment.host import DEFAULT_HOME, Host
from deployment.host_checks import (
    Finding,
    addresses_of,
    check_machine,
    check_name,
    own_addresses,
)
from deployment.install_state import InstallState
from deployment.layout import Layout, find_layout, read_settings, release_root
from deployment.memory import MEMINFO
from deployment.secret_files import SecretFiles
from deployment.secrets import make
from deployment.sentry import tell_sentry
from deployment.services import images_of
from deployment.steps import Steps
from deployment.transfer import release_archive, send_release
from deployment.tune import memory_mib

MAIL_SERVER = ("SMTP_HOST", "SMTP_SECURITY", "SMTP_PORT", "SMTP_USER", "SMTP_PASSWORD")
LISTENING = ("GATEWAY_ADDRESS", "GATEWAY_PORT", "GATEWAY_TLS_PORT")
MAILED = """A mail to {email} has the link to choose your password, valid for
     15 minutes. Later, "Forgot the password?" beside the page's sign-in sends another."""
EPILOG = """
Without questions: --yes takes the answers from the environment, --answers from a file of NAME=value
lines (delete it afterwards: it holds passwords). Names: PUBLIC_HOST TLS TLS_FOLDER OUTER_PROXIES
SMTP_HOST SMTP_SECURITY SMTP_PORT SMTP_USER SMTP_PASSWORD MAIL_FROM SUPERUSER_EMAIL SUPERUSER_PASSWORD
SMOKE_EMAIL GATEWAY_ADDRESS GATEWAY_PORT GATEWAY_TLS_PORT; in the file also any of .env.example.
deploy/README.md is the guide.
"""


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "scripts/install",
        description=(__doc__ or "").replace("``", ""),
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("version", nargs="?", help="of the images; by default of this folder")
    parser.add_argument("--yes", action="store_true", help="ask nothing: environment and defaults")
    parser.add_argument("--answers", type=Path, metavar="FILE", help="ask nothing: answers of FILE")
    parser.add_argument("--anyway", action="store_true", help="go on although a check says NO")
    parser.add_argument("--check", action="store_true", help="only check the machine")
    return parser.parse_args()


def main() -> int:
    options = parse()
    layout = host_layout()
    engine = Engine(layout)
    given = read_given(options)
    check(layout, given, is_anyway=options.anyway)
    if options.check:
        return 0
    state = InstallState(layout)
    ask = None if options.yes or options.answers else Interview()
    answers = settle_settings(layout, state, given, ask)
    if answers["TLS"] == "automatic":
        host = answers["PUBLIC_HOST"]
        report([check_name(host, addresses_of(host), own_addresses())])
    steps = Steps()
    settle_secrets(layout, answers, steps)
    version = settle_release(layout, options.version, steps)
    engine = Engine(layout, version)
    start(engine, steps)
    first_sign_in = f"Sign in there as {answers['SUPERUSER_EMAIL']}."
    if not state.has_superuser:
        if not answers.get("SUPERUSER_PASSWORD"):
            first_sign_in = MAILED.format(email=answers["SUPERUSER_EMAIL"])
        settle_superuser(engine, state, answers, steps)
    warn_without_certificate(layout, answers, steps)
    print(farewell(layout, version, first_sign_in))
    return 0


def host_layout() -> Layout:
    """The folder that deployments use too: not a work tree that this may have been started from."""
    if os.environ.get("PARTERRE_HOME") or release_root().parent.name == "releases":
        return find_layout()
    home = Path.home() / DEFAULT_HOME
    return find_layout({**os.environ, "PARTERRE_HOME": str(home)})


def read_given(options: argparse.Namespace) -> dict[str, str]:
    """Answers that need no question."""
    if options.answers:
        if not options.answers.is_file():
            raise CommandFailed(f"there is no file {options.answers}")
        return read_settings(options.answers)
    asked = [question.name for question in QUESTIONS] if options.yes else []
    names = [*asked, *LISTENING]
    return {name: os.environ[name] for name in names if name in os.environ}


# -- checks


def check(layout: Layout, given: dict[str, str], *, is_anyway: bool) -> None:
    print("This machine:")
    ports = [
        int(given.get(name) or layout.setting(name, default))
        for name, default in (("GATEWAY_PORT", "80"), ("GATEWAY_TLS_PORT", "443"))
    ]
    findings = check_machine(layout.home, ports, project=layout.project)
    report(findings)
    problems = [one for one in findings if one.level == "problem"]
    if problems and not is_anyway:
        raise CommandFailed(
            f"{len(problems)} of these must be mended first; --anyway goes on all the same"
        )


def report(findings: list[Finding]) -> None:
    print(*findings, sep="\n", flush=True)


# -- questions


class Interview:
    """Asks a person, after one line that says how."""

    def __init__(self) -> None:
        self._has_begun = False

    def __call__(self, question: Question, default: str) -> str:
        if not self._has_begun:
            print("\nSome questions. Enter takes what stands in brackets.\n")
            self._has_begun = True
        return ask_person(question, default)


def ask_person(question: Question, default: str) -> str:
    """Asks until the answer is good. Ctrl-C ends; what was answered so far is asked again."""
    shown = f" [{default}]" if default else ""
    prompt = f"{question.text}{shown}: "
    while True:
        try:
            answer = getpass.getpass(prompt) if question.is_secret else input(prompt)
        except EOFError:
            raise CommandFailed(
                "nobody answers here; --yes or --answers FILE asks nothing, see --help"
            ) from None
        except KeyboardInterrupt:
            print(
                "\nStopped. These answers are not kept: the next run asks for them again.",
                flush=True,
            )
            raise
        answer = (answer if question.is_secret else answer.strip()) or default
        problem = question.check(answer) if answer else None
        if not answer and not question.is_optional:
            problem = "is needed"
        if problem is None:
            return answer
        print(f"  {answer if answer and not question.is_secret else 'An answer'} {problem}.")


def settle_settings(
    layout: Layout, state: InstallState, given: dict[str, str], ask: Ask | None
) -> dict[str, str]:
    """Asks what is not known, and writes ``.env``. Returns all answers."""
    example_file = release_root() / ".env.example"
    example = read_settings(example_file)
    kept = present_settings(read_settings(layout.settings), example)
    present = {**state.known(), **kept}
    if SecretFiles(layout).read("smtp_password"):
        present["SMTP_PASSWORD"] = ""
    if "SMTP_URL" in present:
        # Of an earlier release: it wins over its parts.
        present |= {name: "" for name in MAIL_SERVER if name not in present}
    answers = collect(present, given, ask)
    text = layout.settings.read_text() if layout.settings.exists() else example_file.read_text()
    asked = {question.name for question in QUESTIONS}
    more = {name: value for name, value in given.items() if name not in asked}
    tls_port = more.get("GATEWAY_TLS_PORT") or present.get("GATEWAY_TLS_PORT", "443")
    tuned = tune.settings(memory_mib(MEMINFO.read_text()), os.cpu_count() or 1)
    chosen = with_settings(text, {**tuned, **more, **to_settings(answers, tls_port)}, kept)
    layout.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    layout.settings.touch(mode=0o600)
    layout.settings.write_text(chosen)
    state.note(answers)
    print(f"\nSettings are in {layout.settings}.", flush=True)
    return answers


def settle_secrets(layout: Layout, answers: dict[str, str], steps: Steps) -> None:
    files = SecretFiles(layout)
    make(layout, files, is_brief=True)
    password = answers.get("SMTP_PASSWORD", "")
    if password and not files.read("smtp_password"):
        files.replace("smtp_password", password)
    steps("secrets are made; only this user can read them")


# -- the release


def settle_release(layout: Layout, wanted: str | None, steps: Steps) -> str:
    """The version to start: its images and files are on this machine. Raises CommandFailed."""
    if layout.current.is_symlink():
        if wanted and wanted != layout.version:
            raise CommandFailed(
                f"{layout.version} is in use here; ./scripts/deploy {wanted} updates to another"
            )
        return layout.version
    root = release_root()
    if root.parent.name == "releases":
        version = wanted or root.name
        require_images(version)
        return version
    origin = images.find_origin(wanted)
    steps(f"building the images of {origin.version}: some minutes the first time")
    images.build(origin, steps)
    archive = release_archive(root, origin.version)
    send_release(Host(), str(layout.home), origin.version, archive)
    steps(f"files of {origin.version} are in {layout.release(origin.version)}")
    return origin.version


def require_images(version: str) -> None:
    for image in images_of(version):
        code = subprocess.run(
            ["docker", "image", "inspect", image], capture_output=True, check=False
        ).returncode
        if code:
            raise CommandFailed(
                f"the image {image} is not here: on the machine that has it,"
                f" ./scripts/deploy HOST {version} --send-only"
            )


def settle_superuser(
    engine: Engine, state: InstallState, answers: dict[str, str], steps: Steps
) -> None:
    try:
        told = make_superuser(
            engine, answers["SUPERUSER_EMAIL"], answers.get("SUPERUSER_PASSWORD", "")
        )
    except CommandFailed:
        state.ask_again_for_superuser()
        raise
    state.note_superuser()
    steps(told)


def farewell(layout: Layout, version: str, first_sign_in: str) -> str:
    return f"""
Parterre runs: {layout.setting("PUBLIC_URL")}

Next:
  1. {first_sign_in}
  2. Sell something: "My events", then "New event".
  3. Back up each night: crontab -e, and add this line:
     17 3 * * * cd {layout.home} && ./scripts/backup >>var/backup.log 2>&1
  4. Copy {layout.secrets}
     to a safe place: a backup is of little use without it.

From now on: cd {layout.home}
  ./scripts/compose ps                what runs
  ./scripts/compose logs --tail 50    what it says
  ./scripts/doctor                    whether the databases are well
After a change of .env: ./scripts/deploy {version} --again
Updates, restoring, and what to do in trouble: current/deploy/README.md"""


if __name__ == "__main__":
    run_command("install", main, tell=tell_sentry)
