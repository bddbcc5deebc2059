"""The loop's turns where they meet a stop."""

import asyncio
from types import SimpleNamespace

from tests.unit.jobstream_api.services.intakes import lone_intake


class Reader:
    """Has one record, and the stop comes while it is polled."""

    def __init__(self, stopping: asyncio.Event) -> None:
        self.stopping = stopping
        self.astray = False
        self.rewound = 0

    async def poll(self, _most, _timeout_s):
        self.stopping.set()
        return [SimpleNamespace(topic="jobs.created", partition=0, offset=0, headers=[], key=None, value=b"{}")]

    def rewind(self):
        self.rewound += 1


async def test_a_stop_that_comes_while_records_are_polled_is_not_waited_out():
    intake = lone_intake()
    reader = Reader(intake.stopping)
    async with asyncio.timeout(1):
        await intake._turn(reader)
    assert reader.rewound == 1, "nothing was stored, so the record comes again"
