"""How the relay packs what it puts on the queue."""

import pytest

from service_kit.ids import new_id
from service_kit.messaging.contract import BATCH_TASKS, ERASE_USER, SEND
from service_kit.messaging.relay import Row, _batches


def rows(*tasks: str) -> list[Row]:
    return [(new_id(), task, {}, None) for task in tasks]


@pytest.mark.parametrize(
    ("count", "sizes"), [(1, [1]), (20, [20]), (45, [20, 20, 5]), (100, [25] * 4), (200, [50] * 4)]
)
def test_the_more_wait_the_more_travel_together(count: int, sizes: list[int]) -> None:
    waiting = rows(*[SEND] * count)
    packed = [together for _, together in _batches(waiting, BATCH_TASKS)]
    assert [len(together) for together in packed] == sizes
    assert [row for together in packed for row in together] == waiting


def test_what_is_for_another_task_travels_alone_and_in_its_turn() -> None:
    waiting = rows(SEND, SEND, ERASE_USER, ERASE_USER, SEND)
    assert [(task, len(together)) for task, together in _batches(waiting, BATCH_TASKS)] == [
        (SEND, 2),
        (ERASE_USER, 1),
        (ERASE_USER, 1),
        (SEND, 1),
    ]
