"""Kafka clients made from settings, each option with its reason.

The reasons were found by measuring aiokafka 0.14; tests/integration/aiokafka pins them.
"""

import asyncio
import ssl
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor

from jobstream.errors import ConfigurationError
from jobstream.kafka.closing import AnyClient, close_client
from jobstream.settings import Settings

METADATA_MAX_AGE_MS = 30_000
"""How soon new partitions are seen."""
REQUEST_TIMEOUT_MS = 20_000
PRODUCER_MAX_REQUEST = 4 * 1024 * 1024
SESSION_TIMEOUT_S = 45.0
"""The default of 10 s expels members that are merely busy."""
DRAIN_BUDGET_S = 10.0
"""What a revoke callback may use before the group goes on without us."""
_FIRST_ANSWER_S = 1.0
_CLOSE_S = 1.0


def _connection(settings: Settings, client_id: str) -> dict[str, Any]:
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap_servers,
        "client_id": client_id,
        "security_protocol": settings.kafka_security_protocol,
        "metadata_max_age_ms": METADATA_MAX_AGE_MS,
        "request_timeout_ms": REQUEST_TIMEOUT_MS,
    }
    if settings.kafka_security_protocol.startswith("SASL"):
        if settings.kafka_sasl_username is None or settings.kafka_sasl_password is None:
            raise ConfigurationError(
                "JOBSTREAM_KAFKA_SECURITY_PROTOCOL asks for SASL: set JOBSTREAM_KAFKA_SASL_USERNAME and _PASSWORD too"
            )
        options |= {
            "sasl_mechanism": settings.kafka_sasl_mechanism,
            "sasl_plain_username": settings.kafka_sasl_username,
            "sasl_plain_password": settings.kafka_sasl_password.get_secret_value(),
        }
    if settings.kafka_security_protocol.endswith("SSL"):
        options["ssl_context"] = ssl.create_default_context(cafile=settings.kafka_ssl_cafile)
    return options


def make_producer(settings: Settings, client_id: str) -> AIOKafkaProducer:
    """A producer whose acknowledge means: on all in-sync replicas, once, in order."""
    return AIOKafkaProducer(
        **_connection(settings, client_id),
        acks="all",
        enable_idempotence=settings.kafka_idempotence,
        # aiokafka compresses lz4 at its highest level: 3.4 us a record, snappy 0.4 for about the same size.
        compression_type="snappy",
        linger_ms=2,
        max_batch_size=256 * 1024,
        max_request_size=PRODUCER_MAX_REQUEST,
    )


def make_consumer(
    settings: Settings,
    client_id: str,
    *,
    group_id: str | None,
    max_poll_records: int | None = None,
    session_timeout_s: float = SESSION_TIMEOUT_S,
) -> AIOKafkaConsumer:
    """A consumer that commits only what it is told to, and never skips.

    Args:
        group_id: without the topic prefix, which is put before it; None for a reader outside any group.
        max_poll_records: most records of one getmany.
        session_timeout_s: a member that is silent for so long loses its partitions to others.
    """
    return AIOKafkaConsumer(
        **_connection(settings, client_id),
        group_id=None if group_id is None else settings.topic_prefix + group_id,
        enable_auto_commit=False,  # it commits positions, not finished work
        auto_offset_reset="earliest",  # latest loses work after expired offsets and on new partitions
        isolation_level="read_committed",  # else records of an aborted transaction would run
        session_timeout_ms=int(session_timeout_s * 1000),
        heartbeat_interval_ms=int(heartbeat_interval_s(session_timeout_s) * 1000),
        rebalance_timeout_ms=int((DRAIN_BUDGET_S + 15) * 1000),
        max_poll_interval_ms=60_000,
        max_poll_records=max_poll_records,
        fetch_max_wait_ms=settings.kafka_fetch_max_wait_ms,  # FetchPace decides of each fetch
        # Exactly one, since a JoinGroup is sent for each. Sticky would balance totals and not topics: one worker
        # could get all partitions of a queue. docs/decisions/0010.
        partition_assignment_strategy=(RoundRobinPartitionAssignor,),
    )


def heartbeat_interval_s(session_timeout_s: float) -> float:
    """How often a member shows that it lives, seconds."""
    return min(3.0, session_timeout_s / 3)


async def make_admin(settings: Settings, client_id: str) -> AIOKafkaAdminClient:
    """A started admin client; the caller closes it."""
    admin = AIOKafkaAdminClient(**_connection(settings, client_id))
    await start_client(admin)
    return admin


async def start_client(client: AnyClient) -> None:
    """Start a client; if that fails, or is cancelled, close it.

    A start that is cancelled has a second more for its first answer: cut off while it waits for that,
    aiokafka forgets its connection, which stays open until it is garbage, and is then told of as an error.
    """
    starting = asyncio.create_task(client.start(), name="start a client of Kafka")
    starting.add_done_callback(_heard)
    try:
        try:
            await asyncio.wait([starting])
        except asyncio.CancelledError:
            await asyncio.wait([starting], timeout=_FIRST_ANSWER_S)
            raise
        starting.result()
    except BaseException:
        starting.cancel()
        await close_client(client, _CLOSE_S)
        raise


def _heard(starting: "asyncio.Task[None]") -> None:
    """Nobody else asks for the error of a start that was given up."""
    if not starting.cancelled():
        starting.exception()
