"""Settings of the api, besides those of every jobstream process."""

from typing import Literal, get_args

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from jobstream.settings import CommaList, Settings, split_commas

Role = Literal["http", "applier", "intake", "leader"]
ROLES: tuple[str, ...] = get_args(Role)


class ApiSettings(Settings):
    """Settings of an api process."""

    database_url: SecretStr = Field(
        SecretStr("postgresql://jobstream@127.0.0.1:5432/jobstream"),
        description="PostgreSQL 15 or newer, `postgresql://user:password@host:port/database`.",
    )
    database_schema: str = Field(
        "public", pattern=r"^[a-z_][a-z0-9_]{0,62}$", description="Schema that holds the tables. It is made if missing."
    )
    database_pool: int = Field(
        12, ge=4, le=200, description="Most connections of one api process. Raise it with many waiting readers."
    )
    database_statement_cache: int = Field(
        256, ge=0, description="Prepared statements kept per connection. 0 behind a pooler that cannot keep them."
    )
    api_host: str = Field("127.0.0.1", description="Address to listen on.")
    api_port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    api_insecure: bool = Field(
        False,
        description="Without API keys the api listens on loopback addresses only. True lifts that: say so only where "
        "something else keeps strangers out, like a container network or an authenticating proxy.",
    )
    api_roles: CommaList = Field(
        ROLES,
        description="What this process does, of `http`, `applier`, `intake`, `leader`. Split them into deployments of "
        "their own when one of them fills a core.",
    )
    api_session_s: float = Field(
        15.0,
        ge=6,
        le=300,
        description="An applier or intake that Kafka has not heard of for so long, seconds, loses its partitions to "
        "the other api processes, or to itself after a restart. Nothing blocks these loops, so it can be short.",
    )
    managed_queues: CommaList = Field(
        (),
        description="Queues, of JOBSTREAM_QUEUES, comma-separated, whose jobs wait in the database and go to Kafka "
        "about a second ahead, by priority and fairness. `PATCH /queues/{queue}` overrides it. Empty: none.",
    )
    priority_bound_s: float = Field(
        3600.0,
        ge=1,
        le=30 * 86_400,
        description="How long newer jobs of priority 9 may go before one of priority 0 that waits, seconds; of other "
        "priorities in proportion. What waits already keeps its rank. The leader's setting holds.",
    )
    unknown_types: Literal["reject", "accept"] = Field(
        "reject", description="What `POST /jobs` does with a type that no worker ever announced."
    )
    max_retries: int = Field(3, ge=0, le=100, description="Retries of a job whose type says nothing else.")
    submit_batch: int = Field(500, ge=1, le=5000, description="Most single submits that share one transaction.")
    relay_sweep_after_s: float = Field(
        5.0, gt=0, description="Outbox rows older than this are published by the leader: their process died."
    )
    leader_ttl_s: float = Field(
        15.0, ge=2, description="A leader that is silent for so long is replaced. Shorter is sooner, and more queries."
    )
    reaper_interval_s: float = Field(5.0, gt=0, description="How often the leader looks for runs whose lease ran out.")
    reaper_grace_s: float = Field(2.0, ge=0, description="A lease counts as lost only so long after it ran out.")
    reaper_hold_off_s: float = Field(
        30.0,
        ge=0,
        description="After Kafka or the database was away, and after an election, nothing is declared lost for so "
        "long. Not shorter than the workers' lease.",
    )
    republish_after_s: float = Field(
        60.0, gt=0, description="A job that Kafka took this long ago, and no worker owes, is published again."
    )
    schedule_late_s: float = Field(
        60.0,
        ge=0,
        le=86_400,
        description="A tick of a schedule that is late by no more than this, seconds, fires as if it were on time; "
        "older ones are missed. Longer than JOBSTREAM_LEADER_TTL_S, so that an election misses none.",
    )
    idempotency_ttl_s: float = Field(86_400.0, gt=0, description="How long an Idempotency-Key is remembered, seconds.")
    retention_completed_s: float = Field(
        7 * 86_400.0,
        ge=0,
        description="How long a COMPLETED job is kept after its end, seconds; 0 is for ever. Whoever asks for it later "
        "gets 404.",
    )
    retention_failed_s: float = Field(
        30 * 86_400.0,
        ge=0,
        description="How long a FAILED job is kept after its end, seconds; 0 is for ever. It can be retried until "
        "then.",
    )
    retention_cancelled_s: float = Field(
        30 * 86_400.0, ge=0, description="How long a CANCELLED job is kept after its end, seconds; 0 is for ever."
    )
    retention_results_s: float = Field(
        0.0,
        ge=0,
        description="How long the result of a job is kept after its end, seconds; 0 is as long as the job. The job "
        "then reads `result_expired`. Set it where results are large.",
    )
    retention_dead_letters_s: float = Field(
        30 * 86_400.0, ge=0, description="How long a dead letter is kept, seconds; 0 is for ever."
    )
    retention_interval_s: float = Field(
        3_600.0, gt=0, description="How often the leader looks for what is kept no longer, seconds."
    )
    wait_max_s: float = Field(60.0, gt=0, le=600, description="Longest `?wait=`.")
    shutdown_grace_s: float = Field(15.0, gt=0, description="Time to finish requests and loops after SIGTERM.")

    @field_validator("api_roles", "managed_queues", mode="before")
    @classmethod
    def _split_lists(cls, value: object) -> object:
        return split_commas(value)

    @field_validator("api_roles")
    @classmethod
    def _known_roles(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for role in value:
            if role not in ROLES:
                raise ValueError(f"{role!r} is no role; choose of {', '.join(ROLES)}")
        return value

    @field_validator("managed_queues")
    @classmethod
    def _known_queues(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        queues = info.data.get("queues", value)
        for name in value:
            if name not in queues:
                raise ValueError(f"{name!r} is none of JOBSTREAM_QUEUES: {', '.join(queues)}")
        return value
