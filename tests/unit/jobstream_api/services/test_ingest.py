"""The loop's turns where they meet a stop."""

import asyncio
from types import SimpleNamespace

from jobstream.clock import SystemClock
from jobstream_api.infrastructure.database import Database
from jobstream_api.services.intake import Intake
from jobstream_api.settings import ApiSettings


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
    settings = ApiSettings()
    intake = Intake(
        settings,
        Database(settings),
        clock=SystemClock(),
        lane=lambda *_job: None,
        hand_over=lambda _rows: None,
        wake_dispatcher=lambda: None,
    )
    reader = Reader(intake.stopping)
    async with asyncio.timeout(1):
        await intake._turn(reader)
    assert reader.rewound == 1, "nothing was stored, so the record comes again"
