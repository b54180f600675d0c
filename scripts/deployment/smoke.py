"""Asking new containers directly: the smoke test of event-service, run inside the project's network."""

from collections.abc import Iterator
from contextlib import contextmanager

from deployment.containers import Containers
from deployment.errors import CommandFailed
from deployment.services import API_SERVICES
from deployment.steps import Steps

SMOKE_SECONDS = 120.0
# For a release whose images have no smoke test: ready, and able to describe itself.
ASK_DIRECTLY = """
import http.client
for path in ("/health/ready", "/openapi.json"):
    connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=10)
    connection.request("GET", path)
    status = connection.getresponse().status
    if status != 200:
        raise SystemExit(f"{path} answers {status}")
print("ready; it has no smoke test")
"""
GATEWAY = "gateway"
# Of the gateway: its environment says how it is reached, and by which name.
GATEWAY_ADDRESS = 'echo "$TLS $PUBLIC_HOST"'
HAS_SMOKE = "import importlib.util as u, sys; sys.exit(not u.find_spec('event_service.smoke'))"


class Smoke:
    """Runs the smoke test in containers of its own: of the new version's event-service, with a token
    that the new version's auth-service makes, since the one that serves may know no such command.
    """

    def __init__(self, containers: Containers, steps: Steps, runner: str, issuer: str) -> None:
        self._engine = containers.engine
        self._steps = steps
        self._runner = runner
        self._issuer = issuer
        self._is_available = self._succeeds("exec", runner, "python", "-c", HAS_SMOKE)

    def _succeeds(self, *arguments: str) -> bool:
        try:
            self._engine.docker(*arguments)
        except CommandFailed:
            return False
        return True

    def ask(self, service: str, name: str) -> None:
        """Ask a new container of ``service`` that nobody else asks.

        Raises CommandFailed with the smoke test's last lines.
        """
        try:
            if self._is_available:
                answer = self._ask({service: f"http://{name}:8000"})
            else:
                answer = self._engine.docker(
                    *("exec", name, "python", "-c", ASK_DIRECTLY), with_errors=True
                )
        except CommandFailed as error:
            raise CommandFailed(
                f"{service}: the new container fails its smoke test:\n{error}"
            ) from None
        self._steps(f"{service}: new container answers: {_last_line(answer)}")

    def everything(self) -> None:
        """Book a seat on the hidden event of the running services, and find its mail."""
        if not self._is_available:
            self._steps("no smoke test in this release")
            return
        try:
            answer = self._ask({}, "--mail")
        except CommandFailed as error:
            raise CommandFailed(f"all is replaced, and the smoke test fails:\n{error}") from None
        self._steps(_last_line(answer))

    def through_gateway(self) -> str:
        """Ask the running services as visitors do; "" or what is wrong, in one line.

        Before a deployment it may be that no certificate has been had yet, and after one no deployment
        is to blame for that: so the caller decides what an error means.
        """
        running = [one for one in self._engine.containers(GATEWAY) if one.is_running]
        if not running:
            return "no gateway of ours runs"
        if not self._is_available:
            return "no smoke test in this release"
        tls, _, host = self._engine.docker(
            "exec", running[0].id, "sh", "-c", GATEWAY_ADDRESS
        ).partition(" ")
        url = f"http{'' if tls == 'off' else 's'}://{GATEWAY}"
        try:
            self._engine.docker(
                *("exec", self._runner, "python", "-m", "event_service.smoke.gateway"),
                *(url, host.strip()),
                seconds=SMOKE_SECONDS,
                with_errors=True,
            )
        except CommandFailed as error:
            return _last_line(str(error))
        return ""

    def _ask(self, addresses: dict[str, str], *flags: str) -> str:
        token = self._engine.docker(
            *("exec", self._issuer, "python", "-m", "auth_service.cli", "smoke-account")
        )
        options = [
            part
            for service in API_SERVICES
            for part in (f"--{service}", addresses.get(service, f"http://{service}:8000"))
        ]
        return self._engine.docker(
            *("exec", "--interactive", self._runner, "python", "-m", "event_service.smoke"),
            *(*options, "--token-file", "-", *flags),
            stdin=token.encode(),
            seconds=SMOKE_SECONDS,
            with_errors=True,
        )


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1]


@contextmanager
def smoke_runner(containers: Containers, steps: Steps) -> Iterator[Smoke]:
    """Containers that wait until they are asked to run smoke tests; removed at the end."""
    with (
        containers.one_off("event", "sleep", "3600", name="smoke") as runner,
        containers.one_off("auth", "sleep", "3600", name="token") as issuer,
    ):
        yield Smoke(containers, steps, runner, issuer)
