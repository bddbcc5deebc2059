"""Procrastinate: jobs in PostgreSQL, with their state, and no result."""

import sys
from typing import Any

import uvloop
from procrastinate import App, PsycopgConnector

from bench.peers.address import DATABASE
from bench.peers.submitter import obey

app = App(connector=PsycopgConnector(conninfo=DATABASE, min_size=4, max_size=20))


@app.task(name="run_job")
async def run_job(payload: dict[str, Any]) -> dict[str, str]:
    """The handler."""
    return {"output": "success"}


async def submit() -> None:
    """Submit as told on stdin."""
    async with app.open_async():
        await obey(lambda: run_job.defer_async(payload={"task": "example", "value": 42}))


if __name__ == "__main__":
    uvloop.run({"submit": submit}[sys.argv[1]]())
