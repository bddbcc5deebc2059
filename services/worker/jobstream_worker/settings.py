"""Settings of the worker service."""

import os
from typing import Self

from pydantic import Field, field_validator, model_validator

from jobstream.kafka.clients import SESSION_TIMEOUT_S
from jobstream.settings import CommaList, Settings, split_commas

USUAL_WEIGHTS = {"high": 8, "low": 1}
USUAL_WEIGHT = 4
MAX_WEIGHT = 1000


class WorkerSettings(Settings):
    """What a worker needs besides the shared settings."""

    handlers: CommaList = Field(
        (),
        description="Modules with handlers, dotted names, comma-separated; packages with all that is in them. "
        "A worker needs at least one.",
    )
    worker_queues: CommaList = Field(
        (),
        description="Queues this worker serves, comma-separated, each with its weight: `high:8,default:4,low:1`; one "
        "without has 1. While several have jobs, places are given in proportion to the weights. Empty: all of "
        "JOBSTREAM_QUEUES, `high` with 8, `low` with 1, every other with 4. Set it, together with a "
        "JOBSTREAM_WORKER_GROUP of its own, to keep workers for one queue.",
    )
    worker_concurrency: int = Field(
        100,
        ge=1,
        le=10_000,
        description="Jobs this worker runs at once, whatever the number of partitions. Raise it for handlers that "
        "mostly wait.",
    )
    worker_process_slots: int = Field(
        0,
        ge=0,
        le=1000,
        description='Child processes at most for handlers with run_in="process". 0: one a core.',
    )
    worker_lease_s: float = Field(
        30.0,
        ge=0.5,
        le=3600,
        description="For how long a run counts as alive after its last heartbeat, seconds; a heartbeat is sent every "
        "quarter of it. Lower finds killed workers sooner, higher stands longer breaks of the network.",
    )
    worker_session_s: float = Field(
        SESSION_TIMEOUT_S,
        ge=6,
        le=300,
        description="A worker that Kafka has not heard of for so long loses its partitions to others, seconds. Lower "
        "takes over from killed workers sooner, higher expels fewer that are merely cut off or stopped for a while.",
    )
    worker_grace_s: float = Field(
        30.0,
        ge=0,
        le=86400,
        description="On SIGTERM, for how long running jobs may finish, seconds; the rest is handed back. 0: at once. "
        "Keep it below what your platform waits before it kills.",
    )
    worker_cancel_grace_s: float = Field(
        3.0,
        ge=0,
        le=60,
        description="What a handler gets between being told to stop (timeout, cancellation, shutdown) and being given "
        "up or killed, seconds.",
    )
    worker_metrics_host: str = Field(
        "127.0.0.1", description="Where /healthz, /readyz and /metrics listen. 0.0.0.0 lets the network in."
    )
    worker_metrics_port: int = Field(0, ge=0, le=65535, description="Their port. 0: a free one, told in the log.")

    @field_validator("handlers", "worker_queues", mode="before")
    @classmethod
    def _split_more(cls, value: object) -> object:
        return split_commas(value)

    @model_validator(mode="after")
    def _known_queues(self) -> Self:
        seen = set()
        for entry in self.worker_queues:
            name, colon, weight = entry.partition(":")
            if name not in self.queues:
                raise ValueError(f"JOBSTREAM_WORKER_QUEUES names {name!r}, which is not in JOBSTREAM_QUEUES")
            if name in seen:
                raise ValueError(f"JOBSTREAM_WORKER_QUEUES names {name!r} twice")
            if colon and not (weight.isascii() and weight.isdigit() and 1 <= int(weight) <= MAX_WEIGHT):
                raise ValueError(
                    f"JOBSTREAM_WORKER_QUEUES gives {name!r} the weight {weight!r}, which must be a whole number "
                    f"from 1 to {MAX_WEIGHT}, as in {name}:4"
                )
            seen.add(name)
        return self

    @property
    def process_slots(self) -> int:
        """Child processes at most."""
        return self.worker_process_slots or os.cpu_count() or 1

    @property
    def served_queues(self) -> tuple[str, ...]:
        """The queues this worker takes jobs from."""
        return tuple(self.weights)

    @property
    def weights(self) -> dict[str, int]:
        """Their shares of the worker's places, by queue."""
        if not self.worker_queues:
            return {name: USUAL_WEIGHTS.get(name, USUAL_WEIGHT) for name in self.queues}
        entries = (entry.partition(":") for entry in self.worker_queues)
        return {name: int(weight or 1) for name, _, weight in entries}
