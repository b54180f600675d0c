"""The conversation with a mail server over TLS: from the beginning, or after STARTTLS."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from notification_service.delivery.smtp import MailServer, SmtpUnavailable
from tests.notifications.mail_server import Handler

MAIL = b"Subject: One\r\n\r\n" + b"Text\r\n" * 20_000
SCHEMES = ["smtps", "smtp+starttls"]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of 127.0.0.1, signed by itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail server of tests")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "certificate.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(signed.public_bytes(pem) + private)
    return file


@asynccontextmanager
async def listening(scheme: str, certificate: Path, handler: Handler) -> AsyncIterator[str]:
    """The server's URL."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    is_tls_first = scheme == "smtps"

    def make() -> SMTP:
        later = None if is_tls_first else context
        return SMTP(handler, tls_context=later, require_starttls=not is_tls_first)

    server = await asyncio.get_running_loop().create_server(
        make, "127.0.0.1", 0, ssl=context if is_tls_first else None
    )
    async with server:
        yield f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def send_twice(url: str) -> None:
    connection = MailServer(url, sender="tickets@parterre.example", timeout_seconds=5)
    try:
        for _ in range(2):
            connection.begin("ada@guests.example")
            connection.finish(MAIL)
    finally:
        connection.close()


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_mails_go_over_tls(
    certificate: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    handler = Handler()
    async with listening(scheme, certificate, handler) as url:
        await asyncio.to_thread(send_twice, url)
    assert [mail.content for mail in handler.received] == [MAIL, MAIL]


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_a_server_with_a_certificate_of_nobody_gets_no_mail(
    certificate: Path, scheme: str
) -> None:
    handler = Handler()
    async with listening(scheme, certificate, handler) as url:
        with pytest.raises(SmtpUnavailable):
            await asyncio.to_thread(send_twice, url)
    assert (handler.received, handler.asked) == ([], {})
