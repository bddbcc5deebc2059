"""The Celery side."""

import uuid
from datetime import UTC, datetime
from functools import cache
from typing import Any

from celery import Celery
from sqlalchemy import Engine, create_engine, update

from bench.peers.address import REDIS, database
from bench.peers.celery_http.tables import Job

app = Celery("peer", broker=REDIS)
app.conf.update(
    task_acks_late=True,
    task_ignore_result=True,  # the row has it
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=64,  # short tasks: 4, the default, starves the pool
    broker_connection_retry_on_startup=True,
    broker_pool_limit=20,
)


@cache
def engine() -> Engine:
    """One a process: made after the fork."""
    return create_engine(database("psycopg"), pool_size=2)


def handle(job_type: str, payload: dict[str, Any]) -> dict[str, str]:
    """The handler."""
    return {"output": "success"}


@app.task(name="run_job", max_retries=3)
def run_job(job_id: str, job_type: str, payload: dict[str, Any]) -> None:
    """Run a job and record how it goes."""
    row = update(Job).where(Job.id == uuid.UUID(job_id))
    with engine().begin() as connection:
        connection.execute(row.values(status="RUNNING", started_at=datetime.now(UTC)))
    result = handle(job_type, payload)
    with engine().begin() as connection:
        connection.execute(row.values(status="COMPLETED", result=result, finished_at=datetime.now(UTC)))
