"""The whole drill on one stack: a first version, then under load all that a deployment may meet."""

import os
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from notification_service.rendering.mime import message_id
from tests.system.deployment import versions
from tests.system.deployment.host import Done, Host, must, wipe_script
from tests.system.deployment.load import Configuration
from tests.system.deployment.mail_server import Mail, read_mails
from tests.system.deployment.output import images_line, room_line
from tests.system.deployment.processes import Load, process
from tests.system.deployment.records import Booking, Phase, Request, cut

GOOD, NEXT = "drill-1", "drill-2"
NEVER_HEALTHY = "is never healthy"
BROKEN = {
    "crashes at its start": ("drill-3", versions.build_crashing),
    NEVER_HEALTHY: ("drill-4", versions.build_never_healthy),
    "answers bookings with 500": ("drill-5", versions.build_refusing),
}
# Of a short drill: healthy, and asked to book all the same.
SHORT_BROKEN = ("answers bookings with 500",)
# What a host would pull.
BASE_IMAGES = ("postgres:17", "redis:8", "caddy:2")
NAME = "tickets.parterre.example"
HTTP_PORT, TLS_PORT, MAIL_PORT = 29180, 29143, 29125
MAIL_SERVER, MAILS = "tests.system.deployment.mail_server", "mails.jsonl"
# Far more than any step takes on a quiet machine; a drill on a busy one measures little anyway.
MAIL_SECONDS = 120.0
PEOPLE = 24
REQUESTS_A_SECOND = 25.0
QUIET_SECONDS = 15.0
CONTROL_SECONDS = 10.0
DEPLOYMENT_SECONDS = 600.0
CUT_OFF_SECONDS = 120.0
WIPE_SECONDS = 180.0
CUT_OFF = "deployment"
FIRST_SECONDS = 600.0
RESTORE_SECONDS = 400.0
# How long a new container may take to be healthy: one of a good version, and the one that never is,
# which need not be waited for so long.
START_SECONDS, NEVER_HEALTHY_SECONDS = 60, 8

SETTINGS = {
    "PUBLIC_URL": f"https://{NAME}",
    "PUBLIC_HOST": NAME,
    "TLS": "internal",
    "GATEWAY_ADDRESS": "0.0.0.0",
    "GATEWAY_PORT": str(HTTP_PORT),
    "GATEWAY_TLS_PORT": str(TLS_PORT),
    "MAIL_FROM": f"Parterre <tickets@{NAME}>",
    "SMTP_PORT": str(MAIL_PORT),
    "SMTP_SECURITY": "none",
    "SMOKE_EMAIL": "smoke@parterre.example",
    "DRAIN_SECONDS": "4",
    "START_SECONDS": f"{START_SECONDS}",
    # All people of the load come from one address, and each gets a mail a second.
    "MAILS_PER_ADDRESS_PER_HOUR": "0",
    **{
        f"{name}_RATE_LIMIT": "60000/minute"
        for name in ("DEFAULT", "LOGIN", "REGISTER", "REFRESH", "LINK", "STATIC", "BOOKING")
    },
}


@dataclass
class Drill:
    """What came of it; of a short one, less happens.

    ``deployed``: the version in use after each command; ``containers``: those that ran before and after
    it; ``sent``: what each sending of images has said; ``restored``: bookings in the restored database;
    ``compose_version``: of the host's Docker Compose; ``parts``: seconds that each part took."""

    host: Host
    folder: Path
    is_short: bool = False
    commands: dict[str, Done] = field(default_factory=dict)
    deployed: dict[str, str] = field(default_factory=dict)
    containers: dict[str, tuple[set[str], set[str]]] = field(default_factory=dict)
    sent: dict[str, str] = field(default_factory=dict)
    stretches: dict[str, tuple[float, float]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    bookings: list[Booking] = field(default_factory=list)
    sold: int = 0
    mails: list[Mail] = field(default_factory=list)
    control: Phase | None = None
    compose_version: str = ""
    restored: int = 0
    parts: dict[str, float] = field(default_factory=dict)
    _address: str = ""
    _mail_address: str = ""

    @property
    def broken(self) -> tuple[str, ...]:
        """What is wrong with the broken versions that it deploys."""
        return SHORT_BROKEN if self.is_short else tuple(BROKEN)

    # -- what happens, in order

    def run(self) -> None:
        """Everything. What a command does wrong is noted for the tests, what the drill itself cannot
        do is an AssertionError."""
        with self._part("the first version is built"):
            versions.build_good(GOOD)
        self._mail_address, there = self.host.addresses()
        self._address = f"{there}:{TLS_PORT}"
        server = [MAIL_SERVER, self._mail_address, str(MAIL_PORT), str(self.folder / MAILS)]
        with process(*server, log=self.folder / "mail_server.log"):
            with self._part("it is sent and started, the others are built"):
                with ThreadPoolExecutor(1) as beside:
                    built = beside.submit(build_others, self.broken)
                    self._install()
                built.result()
            load = Load(self._configuration(), self.folder)
            with ExitStack() as at_work:
                with self._part("people of the load sign up"):
                    at_work.enter_context(load.running())
                self._under_load()
                with self._part("stock is taken, mails arrive"):
                    self.bookings, self.sold = load.take_stock()
                    self.requests = load.requests
                    self.mails = self._all_mails()
                if not self.is_short:
                    with self._part("control"):
                        self._control(load)
            if not self.is_short:
                with self._part("backup is restored"):
                    self._restore()

    def _under_load(self) -> None:
        with self._stretch("before"):
            time.sleep(QUIET_SECONDS)
        self._command("deployment", "deploy", NEXT)
        for what in self.broken:
            self._let_start(NEVER_HEALTHY_SECONDS if what == NEVER_HEALTHY else START_SECONDS)
            self._command(what, "deploy", "--without-backup", BROKEN[what][0])
        self._let_start(START_SECONDS)
        self._command("rollback", "rollback")
        with self._stretch("after"):
            time.sleep(QUIET_SECONDS)

    def _all_mails(self) -> list[Mail]:
        """Those of all bookings; after MAIL_SECONDS those that came."""
        deadline = time.monotonic() + MAIL_SECONDS
        while True:
            mails = read_mails(self.folder / MAILS)
            came = {mail.message_id for mail in mails}
            if self.expected_mails <= came or time.monotonic() > deadline:
                return mails
            time.sleep(0.5)

    @property
    def expected_mails(self) -> set[str]:
        """Message-IDs: each booking that is not only held was confirmed, and some were cancelled."""
        keys = [f"booking-confirmed:{b.id}" for b in self.bookings if b.status != "held"]
        keys += [f"booking-cancelled:{b.id}" for b in self.bookings if b.status == "cancelled"]
        return {message_id(key, domain=NAME) for key in keys}

    def _let_start(self, seconds: int) -> None:
        """Sets START_SECONDS, and leaves what ./scripts/secrets has added to the settings."""
        self.host.must(f"sed -i 's/^START_SECONDS=.*/START_SECONDS={seconds}/' .env")

    def _install(self) -> None:
        settings = SETTINGS | {"SMTP_HOST": self._mail_address}
        text = "".join(f"{name}={value}\n" for name, value in settings.items())
        # A drill that was interrupted may have left a database, with other passwords.
        self._wipe()
        must(self.host.shell(f"mkdir -p {self.host.home}"), seconds=30)
        self.host.write(".env", text)
        for image in BASE_IMAGES:
            self._send(image)
        self._first("--send-only", GOOD)
        self.host.must(f"releases/{GOOD}/scripts/secrets")
        self._first(GOOD)

    def _first(self, *arguments: str) -> None:
        done = self.host.command("deploy", *arguments, seconds=FIRST_SECONDS)
        with (self.folder / "first.log").open("a") as log:
            log.write(done.output)
        assert done.code == 0, done.output

    def _send(self, image: str) -> None:
        if self.host.destination and self.host.run(f"docker image inspect {image}").code != 0:
            load = " ".join(self.host.shell("docker load -q"))
            must(["bash", "-c", f"docker save {image} | {load}"], seconds=120)

    def _configuration(self) -> Configuration:
        authority = self.folder / "authority.pem"
        authority.write_text(
            self._compose("exec -T gateway cat /data/caddy/pki/authorities/local/root.crt")
        )
        return Configuration(
            address=self._address,
            name=NAME,
            authority=str(authority),
            people=PEOPLE,
            rate=REQUESTS_A_SECOND,
            mails=str(self.folder / MAILS),
            requests=str(self.folder / "requests.jsonl"),
            result=str(self.folder / "result.json"),
        )

    def _command(self, what: str, name: str, *arguments: str) -> None:
        before, said = self._running(), ""
        with self._stretch(what):
            if what == CUT_OFF:
                # The connection breaks in the midst; the second run follows what goes on there.
                start = f"deployment of {arguments[-1]}"
                said = self.host.cut_off(name, *arguments, after=start, seconds=CUT_OFF_SECONDS)
            done = self.host.command(name, *arguments, seconds=DEPLOYMENT_SECONDS)
        (self.folder / f"{what.replace(' ', '_')}.log").write_text(done.output)
        self.commands[what] = done
        self.sent[what] = images_line(said + done.output)
        self.containers[what] = (before, self._running())
        self.deployed[what] = self.host.must("basename $(readlink current)").strip()

    def _control(self, load: Load) -> None:
        """A deployment as Compose does it: it ends a container, then starts another."""
        self.compose_version = self._compose("version --short").strip()
        start = time.monotonic()
        self.host.must(f"ln -sfn releases/{NEXT} current")
        self._compose("up -d --no-deps auth event notification", seconds=DEPLOYMENT_SECONDS)
        # Until the first that waited for the new ones has failed: it is noted when it has ended.
        deadline = time.monotonic() + CONTROL_SECONDS
        while True:
            self.control = cut(load.requests, "control: recreated", start, time.monotonic())
            if self.control.failed or time.monotonic() > deadline:
                return
            time.sleep(0.5)

    def _restore(self) -> None:
        """The backup that the first deployment has made while people booked."""
        restore = "current/scripts/restore latest --yes"
        self.commands["restore"] = self.host.run(restore, seconds=RESTORE_SECONDS)
        self.commands["doctor"] = self.host.run("current/scripts/doctor", seconds=60)
        count = "psql -U postgres -d events -tAc 'SELECT count(*) FROM booking'"
        self.restored = int(self._compose(f"exec -T postgres {count}"))

    # -- what the host says

    def _compose(self, arguments: str, *, seconds: float = 60) -> str:
        return self.host.must(f"current/scripts/compose {arguments}", seconds=seconds)

    def _running(self) -> set[str]:
        """Ids, asked of the engine: Compose takes seconds for it while others are at work."""
        name = f"label=com.docker.compose.project={self.host.project}"
        return set(self.host.must(f"docker ps --no-trunc -q --filter {name}").split())

    @contextmanager
    def _stretch(self, name: str) -> Iterator[None]:
        start = time.monotonic()
        with self._part(name):
            yield
        self.stretches[name] = (start, time.monotonic())

    @contextmanager
    def _part(self, name: str) -> Iterator[None]:
        start = time.monotonic()
        try:
            yield
        finally:
            self.parts[name] = time.monotonic() - start

    def remove(self) -> None:
        """All that it has made there, unless ``DRILL_KEEP`` is set."""
        if os.environ.get("DRILL_KEEP"):
            return
        self._wipe()

    def _wipe(self) -> None:
        must(self.host.shell(wipe_script(self.host)), seconds=WIPE_SECONDS)

    # -- what the load says

    def phase(self, name: str) -> Phase:
        return cut(self.requests, name, *self.stretches[name])

    @property
    def phases(self) -> list[Phase]:
        return [self.phase(name) for name in self.stretches]

    @property
    def room(self) -> str:
        """Whether the host had room for several new containers, as the deployment has said it."""
        done = self.commands.get("deployment")
        return room_line(done.output if done else "")


def build_others(broken: Iterable[str]) -> None:
    """What is deployed after the first version, on this machine's engine."""
    versions.build_next(GOOD, NEXT)
    for version, build in map(BROKEN.__getitem__, broken):
        build(NEXT, version)
