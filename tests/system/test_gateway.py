"""The gateway's configuration in the program that reads it, before a server that answers what it was asked.
Needs a container engine; ``scripts/images-check`` asks the same gateway before the real services.
"""

import gzip
import json
import re
import shutil
import socket
import ssl
import subprocess
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOST = "tickets.test"
ALIASES = ("auth", "event", "notification", "flower")
MAX_BODY_BYTES = 100_000
ID = "0198c0de-0000-7000-8000-000000000000"


def engine_answers() -> bool:
    if not shutil.which("docker"):
        return False
    with suppress(subprocess.SubprocessError):
        return not subprocess.run(["docker", "version"], capture_output=True, timeout=10).returncode
    return False


pytestmark = pytest.mark.skipif(not engine_answers(), reason="no container engine answers")


def docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@dataclass(frozen=True)
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def asked(self) -> dict[str, Any]:
        """What reached the server behind."""
        asked: dict[str, Any] = json.loads(self.body)
        return asked

    def asked_header(self, name: str) -> list[str]:
        return [value for key, value in self.asked["headers"] if key == name.lower()]


def gunzipped(answer: Answer) -> Answer:
    return Answer(answer.status, answer.headers, gzip.decompress(answer.body))


class Gateway:
    """One container with the gateway's configuration."""

    def __init__(self, network: str, tls: str, *options: str) -> None:
        self.name = f"{network}-{tls}-{uuid.uuid4().hex[:4]}"
        environment = {"TLS": tls, "PUBLIC_HOST": HOST, "MAX_BODY_BYTES": str(MAX_BODY_BYTES)}
        docker(
            "run", "--detach", "--name", self.name, "--network", network, "--read-only",
            "--cap-drop", "ALL", "--cap-add", "NET_BIND_SERVICE", "--cap-add", "DAC_OVERRIDE",
            "--volume", "/data", "--volume", "/config", "--publish", "127.0.0.1::80", "--publish",
            "127.0.0.1::443", "--volume", f"{ROOT}/deploy/gateway:/etc/caddy:ro", *options,
            *(part for name, value in environment.items() for part in ("--env", f"{name}={value}")),
            "caddy:2",
        )  # fmt: skip
        self.http = int(docker("port", self.name, "80/tcp").split(":")[-1])
        self.https = int(docker("port", self.name, "443/tcp").split(":")[-1])

    def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
        tls: bool = False,
        host: str = HOST,
    ) -> Answer:
        """The path goes out as it is."""
        connection = (
            TlsConnection("127.0.0.1", self.https, timeout=20)
            if tls
            else HTTPConnection("127.0.0.1", self.http, timeout=20)
        )
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            connection.putheader("Host", host)
            for name, value in headers:
                connection.putheader(name, value)
            if body:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders()
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.send(body)
            response: HTTPResponse = connection.getresponse()
            return Answer(response.status, response.getheaders(), response.read())
        finally:
            connection.close()

    def log(self) -> list[dict[str, Any]]:
        done = subprocess.run(
            ["docker", "logs", self.name], capture_output=True, text=True, timeout=30, check=True
        )
        return [json.loads(line) for line in (done.stdout + done.stderr).splitlines()]

    def logged(self, request_id: str) -> dict[str, Any]:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            for line in self.log():
                if line.get("request_id") == request_id:
                    return line
            time.sleep(0.1)
        raise AssertionError(f"{request_id} is not in the log")


def unverified() -> ssl.SSLContext:
    """Its authority is one that it has just made."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


class TlsConnection(HTTPSConnection):
    """To 127.0.0.1, asking for the certificate of ``HOST``."""

    def connect(self) -> None:
        plain = socket.create_connection((self.host, self.port), self.timeout)
        self.sock = unverified().wrap_socket(plain, server_hostname=HOST)


@pytest.fixture(scope="module")
def network() -> Iterator[str]:
    name = f"gateway-test-{uuid.uuid4().hex[:8]}"
    docker("network", "create", name)
    try:
        aliases = [part for alias in ALIASES for part in ("--network-alias", alias)]
        docker(
            "run", "--detach", "--name", f"{name}-upstream", "--network", name, *aliases, "--volume",
            f"{ROOT}/tests/system/gateway_upstream.py:/upstream.py:ro", "python:3.11-slim-bookworm",
            "python", "-u", "/upstream.py", "8000", "5555",
        )  # fmt: skip
        yield name
    finally:
        containers = docker("ps", "--all", "--quiet", "--filter", f"name={name}").split()
        docker("rm", "--force", "--volumes", *containers)
        docker("network", "rm", name)


@pytest.fixture(scope="module")
def plain(network: str) -> Gateway:
    gateway = Gateway(network, "off")
    wait_for(gateway, tls=False)
    return gateway


@pytest.fixture(scope="module")
def secure(network: str) -> Gateway:
    gateway = Gateway(network, "internal")
    wait_for(gateway, tls=True)
    return gateway


def wait_for(gateway: Gateway, *, tls: bool) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(OSError):
            if gateway.ask("/", tls=tls).status == 200:
                return
        time.sleep(0.2)
    raise AssertionError(gateway.log()[-3:])


@pytest.mark.parametrize(
    "path",
    [
        "/metrics", "/metrics/", "/%6detrics", "//metrics", "/./metrics", "/x/../metrics",
        "/METRICS", "/static/%2e%2e/metrics", "/health/ready", "/health", "/%2fmetrics?a=b",
        "/api/v1/auth/..%2f..%2f..%2fmetrics", "/ops/flower/metrics", "/ops/flower//metrics",
        "/ops/flower/healthcheck", "/ops/grafana/metrics", "/ops/grafana/api/health",
    ],
)  # fmt: skip
def test_metrics_and_health_stay_inside_however_the_path_is_spelled(
    plain: Gateway, path: str
) -> None:
    answer = plain.ask(path)
    assert answer.status == 404
    assert json.loads(answer.body)["type"] == "urn:problem:not-found"


def test_control_what_is_only_like_them_passes(plain: Gateway) -> None:
    for path in ("/metricsx", "/api/v1/events/metrics", "/healthy"):
        assert plain.ask(path).asked["path"] == path


# Takes its network interface down: whoever asks it hears nothing, not even a refusal.
VANISH = """
import fcntl, socket, struct, time
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh", b"eth0", 0))
time.sleep(600)
"""


def test_an_address_that_has_vanished_costs_a_visitor_little(network: str, plain: Gateway) -> None:
    """As that of a container that has just ended, as long as its name is still remembered."""
    name = f"{network}-vanished"
    docker(
        "run", "--detach", "--name", name, "--network", network, "--network-alias", "event",
        "--cap-add", "NET_ADMIN", "python:3.11-slim-bookworm", "python", "-c", VANISH,
    )  # fmt: skip
    try:
        taken: list[float] = []
        deadline = time.monotonic() + 20
        while max(taken, default=0) < 0.2 and time.monotonic() < deadline:
            start = time.monotonic()
            assert plain.ask("/").status == 200
            taken.append(time.monotonic() - start)
        # It was tried once, and another then.
        assert 0.2 < max(taken) < 0.7, taken
    finally:
        docker("rm", "--force", "--volumes", name)


def test_an_error_of_the_gateway_is_a_problem_with_the_headers_of_any_answer(
    plain: Gateway,
) -> None:
    answer = plain.ask("/metrics", headers=[("X-Request-ID", "mine-1")])
    document = json.loads(answer.body)
    assert answer.header("Content-Type") == "application/problem+json"
    assert (document["status"], document["request_id"]) == (404, "mine-1")
    assert answer.header("X-Content-Type-Options") == "nosniff"
    assert answer.header("Server") is None


def test_each_header_comes_once_and_what_a_service_says_stands(plain: Gateway) -> None:
    answer = plain.ask("/")
    names = [name.lower() for name, _ in answer.headers]
    assert len(names) == len(set(names))
    assert answer.header("X-Frame-Options") == "SAMEORIGIN"
    assert answer.header("Strict-Transport-Security") == "max-age=31536000"
    assert answer.header("Referrer-Policy") == "no-referrer"
    assert {"server", "via"}.isdisjoint(names)


def test_a_client_writes_no_address_of_its_own(plain: Gateway) -> None:
    forged = [("X-Forwarded-For", "6.6.6.6"), ("X_Forwarded_For", "5.5.5.5")]
    answer = plain.ask("/", headers=[*forged, ("X-Forwarded-Proto", "https")])
    [address] = answer.asked_header("X-Forwarded-For")
    assert re.fullmatch(r"[0-9.]+", address)
    assert address not in ("6.6.6.6", "5.5.5.5")
    assert answer.asked_header("X-Forwarded-Proto") == ["http"]
    assert [name for name, _ in answer.asked["headers"] if "_" in name] == []


def test_behind_a_proxy_that_is_named_its_word_counts_and_nobody_elses(network: str) -> None:
    gateway = Gateway(
        network, "off", "--env", "OUTER_PROXIES=172.16.0.0/12 192.168.0.0/16 10.0.0.0/8"
    )
    wait_for(gateway, tls=False)
    said = [("X-Forwarded-For", "6.6.6.6, 203.0.113.9"), ("X-Forwarded-Proto", "https")]
    answer = gateway.ask("/", headers=said)
    assert answer.asked_header("X-Forwarded-For") == ["203.0.113.9"]
    assert answer.asked_header("X-Forwarded-Proto") == ["https"]


@pytest.mark.parametrize(
    ("given", "is_kept"), [("a-1.b_c:d", True), ("x" * 65, False), ('"x"', False), ("", False)]
)
def test_a_request_has_one_id_in_answer_log_and_service(
    plain: Gateway, given: str, is_kept: bool
) -> None:
    answer = plain.ask("/", headers=[("X-Request-ID", given)] if given else [])
    [passed_on] = answer.asked_header("X-Request-ID")
    assert (passed_on == given) is is_kept
    assert answer.header("X-Request-ID") == passed_on
    assert plain.logged(passed_on)["status"] == 200


@pytest.mark.parametrize(
    ("path", "logged"),
    [
        ("/?token=SECRET", "/"),
        ("/api/v1/events?q=SECRET", "/api/v1/events"),
        ("/api/v1/notifications/unsubscribe/SECRETabcdefghijklmn", "/api/v1/notifications/unsubscribe/"),
        (f"/api/v1/events/{ID}/check-ins/7K3M-9QXT-2BVA-WD5H", f"/api/v1/events/{ID}/check-ins/"),
        (f"/api/v1/events/{ID}/check-ins/secr-etab-cdef-ghjk?x=1", f"/api/v1/events/{ID}/check-ins/"),
        ("/x/secretsecretsecr", "/x/"),
        (f"/api/v1/bookings/{ID}/tickets/{ID}.svg", f"/api/v1/bookings/{ID}/tickets/{ID}.svg"),
        ("/SECRET/.well-known/jwks.json", "//.well-known/jwks.json"),
        ("/api/v1/users/SECRET@example.com/sessions", "/api/v1/users//sessions"),
        ("/metrics?token=SECRET", "/metrics"),
    ],
)  # fmt: skip
def test_the_log_holds_no_query_no_code_and_no_token(
    plain: Gateway, path: str, logged: str
) -> None:
    mine = f"log-{uuid.uuid4()}"
    secret = [(name, "SECRET") for name in ("Authorization", "Cookie", "Referer", "X-Api-Key")]
    plain.ask(path, headers=[("X-Request-ID", mine), *secret])
    line = plain.logged(mine)
    assert line["request"]["uri"] == logged
    assert "secret" not in json.dumps(plain.log()).lower()


def test_a_body_has_a_limit_however_it_is_sent(plain: Gateway) -> None:
    fits = plain.ask("/api/v1/events", method="POST", body=b"x" * MAX_BODY_BYTES)
    assert fits.asked["body"] == MAX_BODY_BYTES
    answer = plain.ask("/api/v1/events", method="POST", body=b"x" * (MAX_BODY_BYTES + 1))
    assert answer.status == 413
    assert json.loads(answer.body)["type"] == "urn:problem:too-large"


def test_an_image_may_be_larger(plain: Gateway) -> None:
    image = b"x" * (10 * MAX_BODY_BYTES)
    path = f"/api/v1/events/{ID}/image"
    assert plain.ask(path, method="PUT", body=image).asked["body"] == len(image)
    assert plain.ask(path, method="POST", body=image).status == 413


def test_a_head_has_a_limit(plain: Gateway) -> None:
    headers = [(f"X-Long-{number}", "x" * 8_000) for number in range(10)]
    assert plain.ask("/", headers=headers).status == 431
    assert plain.ask("/", headers=headers[:5]).status == 200


@pytest.mark.parametrize("coding", ["zstd", "gzip"])
def test_answers_are_compressed_unless_they_may_hold_tokens(plain: Gateway, coding: str) -> None:
    accept = [("Accept-Encoding", coding)]
    assert plain.ask("/api/v1/events", headers=accept).header("Content-Encoding") == coding
    assert plain.ask("/api/v1/events").header("Content-Encoding") is None
    assert plain.ask("/api/v1/auth/login", headers=accept).header("Content-Encoding") is None


def test_a_version_that_was_read_compressed_is_the_services_again(plain: Gateway) -> None:
    answer = plain.ask("/api/v1/events", headers=[("Accept-Encoding", "gzip")])
    etag = answer.header("ETag")
    assert etag
    sent = [("If-None-Match", etag), ("If-Match", etag), ("Accept-Encoding", "gzip, br;q=0")]
    again = plain.ask("/api/v1/events", headers=sent)
    assert gunzipped(again).asked_header("If-None-Match") == ['"7-abc"']
    # Of this one event-service compares the version only, which stands before the first hyphen.
    assert gunzipped(again).asked_header("If-Match")[0].startswith('"7-')


def test_over_tls_http2_is_spoken_and_old_versions_are_not(secure: Gateway) -> None:
    context = unverified()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection(("127.0.0.1", secure.https), 10) as plain_socket,
        context.wrap_socket(plain_socket, server_hostname=HOST) as tls,
    ):
        assert tls.selected_alpn_protocol() == "h2"
        assert tls.version() == "TLSv1.3"


def test_plain_http_leads_to_the_public_host_whatever_was_asked(secure: Gateway) -> None:
    answer = secure.ask("/events/1?a=b", host="evil.test")
    assert answer.status == 308
    assert answer.header("Location") == f"https://{HOST}/events/1?a=b"


def test_another_host_is_not_served_over_tls(secure: Gateway) -> None:
    assert secure.ask("/", tls=True, host="evil.test").status == 421
    answer = secure.ask("/", tls=True)
    assert answer.asked_header("X-Forwarded-Proto") == ["https"]


def test_a_certificate_of_ones_own_is_used(network: str, tmp_path: Path) -> None:
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
            f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}", "-keyout", "key.pem", "-out",
            "certificate.pem",
        ],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    gateway = Gateway(network, "files", "--volume", f"{tmp_path}:/tls:ro")
    wait_for(gateway, tls=True)
    context = ssl.create_default_context(cafile=str(tmp_path / "certificate.pem"))
    with (
        socket.create_connection(("127.0.0.1", gateway.https), 10) as plain_socket,
        context.wrap_socket(plain_socket, server_hostname=HOST) as tls,
    ):
        assert tls.getpeercert()


def test_the_authority_that_signs_for_everybody_is_asked_for_the_public_host_only() -> None:
    adapted = docker(
        "run", "--rm", "--env", "TLS=automatic", "--env", f"PUBLIC_HOST={HOST}", "--volume",
        f"{ROOT}/deploy/gateway:/etc/caddy:ro", "caddy:2", "caddy", "adapt", "--config",
        "/etc/caddy/Caddyfile",
    )  # fmt: skip
    servers = json.loads(adapted)["apps"]["http"]["servers"].values()
    hosts = {
        host
        for server in servers
        if ":443" in server["listen"]
        for route in server["routes"]
        for match in route.get("match", [])
        for host in match.get("host", [])
    }
    assert hosts == {HOST}
