from collections.abc import Iterator

import pytest

from tests.stack.mailbox_program import Mailbox, running


@pytest.fixture(scope="module")
def program() -> Iterator[Mailbox]:
    with running() as mailbox:
        yield mailbox


@pytest.fixture
def mailbox(program: Mailbox) -> Mailbox:
    program.http.delete("/api/v1/messages").raise_for_status()
    return program
