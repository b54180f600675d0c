"""Bodies of a megabyte that are all JSON and nothing that anybody means, and how long one keeps all
others waiting. Time is the loop's own of the processor, so that a busy machine decides nothing."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import httpx

MEGABYTE = 1_048_576
LOOP_SECONDS = 0.1


def filled(before: bytes, part: bytes, after: bytes, size: int = MEGABYTE) -> bytes:
    """``part`` as often as fits, with commas."""
    count = (size - len(before) - len(after)) // (len(part) + 1)
    return before + b",".join([part] * count) + after


def hostile_bodies(field: str = "x", size: int = MEGABYTE) -> dict[str, bytes]:
    """By name; ``field`` is what they stand in."""
    head = b'{"%b":' % field.encode()
    names = b",".join(b'"%d":0' % number for number in range(size // 11))
    return {
        "a flat list": filled(head + b"[", b'""', b"]}", size),
        "ten deep": filled(head + b'{"a":' * 9 + b"[", b'""', b"]" + b"}" * 10, size),
        "objects": filled(head + b"[", b'{"":""}', b"]}", size),
        "empty objects": filled(head + b"[", b"{}", b"]}", size),
        "many names": head + b"{" + names + b"}}",
        "many names outside": b"{" + names + b"}",
        "numbers": filled(head + b"[", b"0", b"]}", size),
        "fractions": filled(head + b"[", b"0.1e1", b"]}", size),
        "long numbers": filled(head + b"[", b"9" * 4_000, b"]}", size),
        "one long fraction": head + b"0." + b"1" * (size - 20) + b"}",
        "nested lists": filled(head + b"[", b"[[[[]]]]", b"]}", size),
        "one within the other": head + b"[" * (size // 2 - 10) + b"]" * (size // 2 - 10) + b"}",
        "escaped quotes": filled(head + b"[", rb'"\"\\"', b"]}", size),
        "letters with a mark": filled(head + b"[", '"e\u0301"'.encode(), b"]}", size),
        "escaped letters": filled(head + b"[", rb'"\u0301"', b"]}", size),
        "long texts": filled(head + b"[", b'"%b"' % (b"," * 19_000), b"]}", size),
        "UTF-16": (head.decode() + "[" + '"",' * (size // 6 - 10) + "0]}").encode("utf-16"),
    }


async def kept_waiting(
    send: Callable[[], Awaitable[httpx.Response]],
) -> tuple[httpx.Response, float]:
    """The answer, and the longest that the loop was busy in one go, in seconds of its thread."""
    longest = 0.0

    async def tick() -> None:
        nonlocal longest
        while True:
            before = time.thread_time()
            await asyncio.sleep(0)
            longest = max(longest, time.thread_time() - before)

    ticking = asyncio.create_task(tick())
    # It has begun to wait before there is anything to wait for, and sees how it ended.
    await asyncio.sleep(0)
    try:
        answer = await send()
        await asyncio.sleep(0)
    finally:
        ticking.cancel()
    return answer, longest


async def faults_of(
    client: httpx.AsyncClient, method: str, path: str, bodies: dict[str, bytes],
    headers: dict[str, str],
) -> list[str]:  # fmt: skip
    """What kept others waiting too long, or was answered otherwise than as a mistake."""
    faults = []
    for name, body in bodies.items():

        async def send(body: bytes = body) -> httpx.Response:
            request = client.build_request(
                method, path, content=body, headers=headers | {"Content-Type": "application/json"}
            )
            return await client.send(request)

        answer, seconds = await kept_waiting(send)
        if seconds > LOOP_SECONDS:
            # Once more: the collector of garbage may have run just then.
            seconds = (await kept_waiting(send))[1]
        if seconds > LOOP_SECONDS:
            faults.append(f"{path}: {name} took {seconds:.2f} s")
        if answer.status_code not in (400, 413, 422):
            faults.append(f"{path}: {name} was answered {answer.status_code}")
    return faults
