"""Settings that the api, the worker and the command line share.

Every setting is an environment variable with the prefix ``JOBSTREAM_``; the services add their
own in subclasses. Each field says its meaning, its special values, and when to change it.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from jobstream.contracts.names import NAME_PATTERN

CommaList = Annotated[tuple[str, ...], NoDecode]


class Settings(BaseSettings):
    """Settings of every jobstream process."""

    model_config = SettingsConfigDict(env_prefix="JOBSTREAM_", env_file=".env", extra="ignore", frozen=True)

    kafka_bootstrap_servers: str = Field(
        "127.0.0.1:9092",
        description="Kafka brokers to start from, `host:port`, comma-separated. Change it to point at your cluster.",
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How to talk to the brokers. Use SASL_SSL outside a trusted network."
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="Only read with a SASL protocol."
    )
    kafka_sasl_username: str | None = Field(None, description="Only read with a SASL protocol.")
    kafka_sasl_password: SecretStr | None = Field(None, description="Only read with a SASL protocol.")
    kafka_ssl_cafile: str | None = Field(
        None, description="PEM file of the brokers' authority. Unset: the system's authorities."
    )
    kafka_idempotence: bool = Field(
        True,
        description="Producers retry without duplicates. Turn off only for a broker that lacks InitProducerId "
        "(the embedded one).",
    )
    kafka_fetch_max_wait_ms: int = Field(
        500,
        ge=1,
        le=30_000,
        description="How long a broker may hold an empty fetch, ms; four times that, at most 2000, from ten seconds "
        "after the last rebalance on. Lower it for a broker that data does not wake.",
    )
    topic_prefix: str = Field(
        "", pattern=r"^[a-zA-Z0-9_.-]{0,80}$", description="Stands before every topic and group name. Empty: none."
    )
    topic_partitions: int = Field(
        12, ge=1, le=1000, description="Partitions of each job topic and of the status topic. Never lowered."
    )
    topic_replication: int = Field(
        1, ge=1, le=9, description="Replicas of each topic. Use 3 on a cluster, with min.insync.replicas 2."
    )
    queues: CommaList = Field(
        ("default", "high", "low"),
        description="Queues, comma-separated. Each but `default` has a topic of its own, `jobs.created.<queue>`.",
    )
    worker_group: str = Field(
        "jobstream-workers", description="Consumer group of the workers; its lag is the backlog that nobody started."
    )
    log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="`auto` is console on a terminal and json elsewhere."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least level that is logged.")

    @field_validator("queues", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return split_commas(value)

    @field_validator("queues")
    @classmethod
    def _queue_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if not NAME_PATTERN.fullmatch(name):
                raise ValueError(f"queue name {name!r} must match {NAME_PATTERN.pattern}")
        return value if "default" in value else ("default", *value)

    @classmethod
    def load(cls, **overrides: object) -> Self:
        """Settings from the environment, with ``overrides`` on top.

        Raises:
            ConfigurationError: a variable is wrong; the message names each and the fix.
        """
        from pydantic import ValidationError

        from jobstream.errors import ConfigurationError

        try:
            return cls(**overrides)  # type: ignore[arg-type]
        except ValidationError as error:
            lines = [
                f"JOBSTREAM_{'_'.join(str(part) for part in problem['loc']).upper()}: {problem['msg']}"
                for problem in error.errors()
            ]
            raise ConfigurationError("; ".join(lines)) from error


def split_commas(value: object) -> object:
    """``"a, b"`` to ``("a", "b")``; anything but a string is handed through."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value
