"""Bodies that come slowly, or not at all."""

import asyncio

import pytest
from fastapi import Request

from jobstream.errors import InvalidInput
from jobstream_api.routes.bodies import Bodies


def request(*messages, then=None, hanging: asyncio.Event | None = None) -> Request:
    """A request whose body arrives as these ASGI messages, and then ends with ``then``, or hangs and says so."""
    queue = list(messages)

    async def receive():
        if queue:
            return queue.pop(0)
        if then is not None:
            return then
        if hanging is not None:
            hanging.set()
        return await asyncio.Event().wait()

    return Request({"type": "http", "method": "POST", "path": "/jobs", "headers": []}, receive)


def part(body: bytes, more: bool = True):
    return {"type": "http.request", "body": body, "more_body": more}


async def test_parts_are_put_together():
    assert await Bodies().read_json(request(part(b'{"a"'), part(b": 1}", more=False)), 100) == {"a": 1}


async def test_a_body_that_never_ends_is_given_up():
    async with asyncio.timeout(5):
        with pytest.raises(InvalidInput, match="body_timeout"):
            await Bodies(read_timeout_s=0.05).read_json(request(part(b"{")), 100)
    assert asyncio.current_task().cancelling() == 0


async def test_a_client_that_leaves_is_told_from_one_that_waits():
    with pytest.raises(InvalidInput, match="incomplete_body"):
        await Bodies().read_json(request(part(b"{"), then={"type": "http.disconnect"}), 100)


async def test_being_cancelled_from_outside_is_no_timeout():
    hanging = asyncio.Event()
    reading = asyncio.create_task(Bodies().read_json(request(part(b"{"), hanging=hanging), 100))
    await asyncio.wait_for(hanging.wait(), 5)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading


async def test_too_much_is_refused_before_the_end():
    with pytest.raises(InvalidInput, match="body_too_large"):
        await Bodies().read_json(request(part(b" " * 60), part(b" " * 60)), 100)
