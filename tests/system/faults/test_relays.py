"""Several relays at once, and one that dies at the worst moment."""

import threading
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from service_kit.messaging import relay
from service_kit.messaging.relay import QueuePublisher
from tests.system.faults.pipeline import FORGETFUL, IS_FULL, PATIENT, WORKER, Pipeline, until

MAILS = 500 if IS_FULL else 40
BATCHES = 10
RELAYS = 2


class TogetherIfPossible(QueuePublisher):
    """Publishes at the moment when another relay does too, should there be one with rows."""

    barrier = threading.Barrier(RELAYS, timeout=0.3)

    def __call__(self, rows: list[Any]) -> list[UUID]:
        try:
            self.barrier.wait()
        except threading.BrokenBarrierError:
            self.barrier.reset()
        return super().__call__(rows)


@pytest.mark.parametrize("is_leased", [True, False])
async def test_two_relays_send_each_mail_once(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, is_leased: bool
) -> None:
    """The worker knows no message again, so that it is the relays that are tested; in the second
    case a row that one has claimed is still due for the other."""
    if not is_leased:
        monkeypatch.setattr(relay, "LEASE", timedelta(0))
    await pipeline.worker(module=FORGETFUL, **PATIENT)
    async with pipeline.in_use(relays=RELAYS, reconciles=False, publisher=TogetherIfPossible):
        for _ in range(BATCHES):
            await pipeline.ask(MAILS // BATCHES)
            await until(pipeline.all_published, "the queue has all")
        await until(pipeline.is_worked_off, "the worker has taken all")

    pipeline.report("two relays", without="" if is_leased else "claim of a row")
    assert pipeline.lost == 0
    assert (pipeline.doubled > 0) == (not is_leased)


@pytest.mark.parametrize("remembers", [True, False])
async def test_a_relay_that_dies_before_it_notes_what_it_published(
    pipeline: Pipeline, remembers: bool
) -> None:
    """Everything comes twice; the second worker knows no message again."""
    await pipeline.worker(module=WORKER if remembers else FORGETFUL, **PATIENT)
    async with pipeline.in_use(reconciles=False):
        await pipeline.ask(MAILS)
        await until(pipeline.all_published, "the queue has all")
        await pipeline.publish_again()
        await until(pipeline.all_published, "the queue has all again")
        await until(pipeline.is_worked_off, "the worker has taken all")

    pipeline.report("everything published twice", without="" if remembers else "keys of messages")
    assert pipeline.lost == 0
    assert pipeline.doubled == (0 if remembers else MAILS)
