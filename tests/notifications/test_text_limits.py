"""No string that anybody may send holds notification-service up, by REST or by the queue."""

import time
from typing import Any
from uuid import uuid4

import httpx
from fastapi import FastAPI

from notification_service.messages.incoming import read_message
from tests.notifications.people import as_service, sign_in
from tests.text_limits import SECONDS, hostile_texts, inputs_of, try_all, unbounded_inputs


def test_every_string_that_may_be_sent_has_a_limit(app: FastAPI) -> None:
    assert len(inputs_of(app.openapi())) > 10
    assert unbounded_inputs(app.openapi()) == []


async def test_no_string_takes_long(app: FastAPI, client: httpx.AsyncClient) -> None:
    callers = [sign_in(is_superuser=True), as_service("notifications:send", "users:erase")]
    sent, faults = await try_all(client, app.openapi(), callers)
    assert sent > 2 * len(inputs_of(app.openapi()))
    assert faults == []


def test_no_string_of_the_queue_takes_long() -> None:
    for name, text in hostile_texts().items():
        for message in messages_with(text):
            started = time.process_time()
            read = read_message(message)
            assert time.process_time() - started < SECONDS, name
            if "runs" not in name and "pairs" not in name and "jamo" not in name:
                assert read.fault, (name, message.keys())


def messages_with(text: str) -> list[dict[str, Any]]:
    ids = {"id": str(uuid4()), "user_id": str(uuid4())}
    plain = {**ids, "kind": "verify-email", "dedup_key": "k", "data": {}}
    return [
        {**plain, "data": {"event": {"title": text}}},
        {**plain, "data": {text: 1}},
        {**plain, "data": {"seats": [{"row": text}]}},
        {**plain, "dedup_key": text},
        {**plain, "kind": text},
    ]
