from collections.abc import Iterator

import pytest
import respx

from stack import demo
from tests.stack.demo_run import Run
from tests.stack.fake_services import Services
from tests.stack.mailbox_program import Mailbox, running


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
