"""``POST /jobs`` and ``GET /jobs/{id}``."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from bench.peers.address import database
from bench.peers.celery_http.tables import Base, Job
from bench.peers.celery_http.tasks import run_job

engine = create_async_engine(database("asyncpg"), pool_size=20, max_overflow=0)
Session = async_sessionmaker(engine, expire_on_commit=False)


class NewJob(BaseModel):
    """What is submitted."""

    payload: dict[str, Any]
    type: str | None = None


class JobView(BaseModel):
    """What is answered."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    type: str
    status: str
    retries: int
    payload: dict[str, Any]
    result: dict[str, Any] | None
    last_error: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan)


@app.post("/jobs", status_code=201)
async def submit(new: NewJob) -> JobView:
    """Store the job, then hand it to Celery."""
    async with Session() as session:
        job = Job(type=new.type or new.payload["task"], payload=new.payload)
        session.add(job)
        await session.commit()
    # It blocks the loop for one write to redis; handing it to a thread costs more than that.
    run_job.apply_async((str(job.id), job.type, job.payload), task_id=str(job.id))
    return JobView.model_validate(job)


@app.get("/jobs/{job_id}")
async def read(job_id: uuid.UUID) -> JobView:
    """One job."""
    async with Session() as session:
        job = await session.get(Job, job_id)
    if job is None:
        raise HTTPException(404)
    return JobView.model_validate(job)
