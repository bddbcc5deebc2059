import asyncio

import pytest

from jobstream_api.domain.errors import Overloaded
from jobstream_api.services import submit
from jobstream_api.services.submit import Key, Submitter
from tests.support.eventually import eventually
from tests.support.offline import MemoryPlacer, offline_app


def test_spacing_and_order_do_not_make_another_document():
    one = Key.of("k", {"a": 1, "b": {"c": [1, 2], "d": None}})
    two = Key.of("k", {"b": {"d": None, "c": [1, 2]}, "a": 1})
    assert one == two


def test_order_in_arrays_and_numbers_do():
    assert Key.of("k", {"a": [1, 2]}) != Key.of("k", {"a": [2, 1]})
    assert Key.of("k", {"a": 1}) != Key.of("k", {"a": "1"})
    assert Key.of("k", {"a": 1}) != Key.of("k", {"a": True})


async def test_large_payloads_do_not_pile_up_while_the_database_is_slow(monkeypatch):
    gate = asyncio.Event()

    class Slow(MemoryPlacer):
        async def place(self, orders):
            await gate.wait()
            return await super().place(orders)

    monkeypatch.setattr(submit, "WAITING_BYTES", 1000)
    app, _ = offline_app()
    drafter = app.state.parts.drafter
    submitter = Submitter(None, Slow(), None, group=10)  # type: ignore[arg-type]

    def draft():
        return drafter.draft({"payload": {"task": "example", "text": "x" * 300}})

    taken = [asyncio.create_task(submitter.submit(draft(), None)) for _ in range(3)]
    await eventually(lambda: submitter._waiting_bytes > 900, timeout=2, every=0.01)
    with pytest.raises(Overloaded):
        await submitter.submit(draft(), None)
    gate.set()
    assert len(await asyncio.gather(*taken)) == 3
    assert (await submitter.submit(draft(), None)).verdicts
