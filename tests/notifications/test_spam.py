"""What a spam filter thinks of each mail, where SpamAssassin is installed (Debian: spamassassin)."""

import re
import shutil
import subprocess

import pytest

from notification_service.kinds.registry import KINDS
from notification_service.previews.samples import sample_link, sample_payload, sample_recipient
from notification_service.rendering.formats import LOCALES
from notification_service.rendering.mime import compose, message_id, recipient_address
from notification_service.rendering.renderer import EmailRenderer
from notification_service.settings import WorkerSettings
from service_kit.clock import utc_now
from tests.notifications.test_backoff import OPTIONS

SENDER = WorkerSettings(**OPTIONS).sender


@pytest.mark.skipif(not shutil.which("spamassassin"), reason="SpamAssassin is not installed")
def test_no_mail_looks_like_spam(renderer: EmailRenderer) -> None:
    mails = [_mail(renderer, kind, locale) for kind in KINDS for locale in LOCALES]
    mailbox = b"".join(b"From tests Mon Nov 23 19:00:00 2026\n" + mail + b"\n" for mail in mails)

    # -L: local tests only, nothing is asked of anybody.
    judged = subprocess.run(
        ["spamassassin", "-L", "--mbox"],
        input=mailbox,
        capture_output=True,
        check=True,
        timeout=60,
    )

    scores = re.findall(rb"^X-Spam-Status: \w+, score=(-?[\d.]+)", judged.stdout, re.MULTILINE)
    assert len(scores) == len(mails)
    assert max(map(float, scores)) < 1


def _mail(renderer: EmailRenderer, kind: str, locale: str) -> bytes:
    content = renderer.render(
        sample_payload(kind, locale),
        sample_recipient(locale),
        now=utc_now(),
        link=sample_link(),
        unsubscribe_token="token" if kind == "event-reminder" else None,
    )
    return compose(
        content,
        sender=str(SENDER),
        recipient=recipient_address("ada@guests.example", sample_recipient(locale).name),
        identity=message_id(kind + locale, domain=SENDER.domain),
        at=utc_now(),
    ).replace(b"\r\n", b"\n")
