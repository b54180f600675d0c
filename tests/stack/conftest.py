from collections.abc import Iterator
from pathlib import Path

import pytest
import respx

from deployment import push, transfer
from deployment.digest_cache import DigestCache
from stack import demo
from tests.stack.demo_run import Run
from tests.stack.fake_services import Services
from tests.stack.mailbox_program import Mailbox, running
from tests.stack.pushing import Pushing


@pytest.fixture(scope="module")
def program() -> Iterator[Mailbox]:
    with running() as mailbox:
        yield mailbox


@pytest.fixture
def mailbox(program: Mailbox) -> Mailbox:
    program.http.delete("/api/v1/messages").raise_for_status()
    return program


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    services = Services()
    run = Run(services)
    monkeypatch.setattr(demo, "time", run)
    with respx.mock(assert_all_called=False) as router:
        router.route().mock(side_effect=services.answer)
        yield run


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Pushing:
    """In place of this machine's, for what is sent to a host."""
    engine = Pushing()
    monkeypatch.setattr(push, "run", engine.run)
    monkeypatch.setattr(transfer, "run", engine.run)
    return engine


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DigestCache:
    """Of digests, empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return DigestCache()
