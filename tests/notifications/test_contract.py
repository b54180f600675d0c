"""The contract that senders and notification-service share, held against what receives the messages."""

import re
from pathlib import Path
from typing import Any, get_args, get_type_hints
from uuid import uuid4

import pytest

from notification_service.kinds.registry import KINDS
from notification_service.main import create_app
from notification_service.messages.incoming import read_message
from notification_service.previews.samples import sample_data
from notification_service.settings import Settings
from service_kit.messaging import contract
from service_kit.messaging.contract import BATCH_TASKS, CONTRACT, Kind
from service_kit.messaging.notifications import notification
from service_kit.messaging.outbox import OutboxRow
from tests.contract import fits_contract

WORKER = Path(__file__).resolve().parents[2] / "notification-service/notification_service/tasks.py"
MESSAGING = Path(contract.__file__).parent
# What knows of notification-service; the other modules serve any messages.
OF_THE_CONTRACT = {"contract.py", "notifications.py", "relay_process.py"}


def test_each_kind_of_the_contract_has_a_receiver_and_each_receiver_a_contract() -> None:
    assert set(CONTRACT) == set(get_args(Kind)) == set(KINDS)


@pytest.mark.parametrize("kind", CONTRACT)
def test_a_message_by_the_contract_is_read(kind: Kind) -> None:
    row = notification(
        OutboxRow, kind=kind, user_id=uuid4(), dedup_key="key", data=sample_data(kind), version=3
    )

    incoming = read_message(row.message)

    assert (incoming.fault, incoming.kind, incoming.version) == (None, kind, 3)
    assert row.task == contract.SEND
    assert row.topic == row.message["topic"] == CONTRACT[kind].topics[0]


@pytest.mark.parametrize("kind", CONTRACT)
def test_what_a_receiver_asks_for_is_in_the_contract(kind: Kind) -> None:
    fields = get_type_hints(CONTRACT[kind].data)
    required = {name for name, field in KINDS[kind].model_fields.items() if field.is_required()}
    assert required <= fields.keys()


@pytest.mark.parametrize("kind", CONTRACT)
def test_data_of_another_shape_would_be_seen(kind: Kind) -> None:
    """The negative control of the test with real messages."""
    data = sample_data(kind)
    assert not fits_contract(kind, data | {"surprise": 1})
    if data:
        assert not fits_contract(kind, {**data, "event": data["event"] | {"surprise": 1}})
        assert not fits_contract(kind, {**data, "event": data["event"] | {"version": "2"}})


def test_the_worker_has_each_task() -> None:
    """By its source: to import it takes the settings of a worker."""
    named = re.findall(r"^@app\.task\(name=(\w+)\)", WORKER.read_text(), re.MULTILINE)
    tasks = {getattr(contract, name) for name in named}
    assert tasks == {contract.SEND, contract.ADDRESS_CONFIRMED, contract.ERASE_USER} | set(
        BATCH_TASKS.values()
    )


def test_the_service_answers_what_is_missing(options: dict[str, Any]) -> None:
    paths = create_app(Settings(**options)).openapi()["paths"]
    assert "post" in paths[contract.MISSING_PATH]


def test_no_other_module_of_messaging_knows_of_notifications() -> None:
    for file in MESSAGING.glob("*.py"):
        knows = "notifications." in file.read_text() or ".v1" in file.read_text()
        assert not knows or file.name in OF_THE_CONTRACT, file.name
