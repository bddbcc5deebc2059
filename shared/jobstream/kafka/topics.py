"""Topics as code: what the cluster lacks against the specifications, and bringing it there.

Nothing is ever taken away: no topic is deleted, no partition count lowered, and settings that the
specifications do not name stay as somebody set them.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import InvalidPartitionsError, KafkaError, TopicAlreadyExistsError, for_code

from jobstream.contracts.topics import TopicSpec, topic_specs
from jobstream.errors import BrokerUnavailable, JobstreamError
from jobstream.kafka.clients import make_admin
from jobstream.kafka.closing import close_client
from jobstream.settings import Settings

_SET_ON_TOPIC = 1
"""DescribeConfigs' source for a value that was set on the topic itself, not inherited."""
_TRIES = 5
_TIMEOUT_S = 30.0
_CLOSE_S = 5.0


class TopicsNotApplied(JobstreamError):
    """The broker refused a change, or did not carry it out in time."""


class Kind(StrEnum):
    """What is done to a topic."""

    CREATE = "create"
    GROW = "grow"
    CONFIGURE = "configure"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to do so that a topic is as specified.

    Attributes:
        settings: for CONFIGURE, the values to set; for CREATE, all that the topic starts with.
        have: partitions now; 0 for a topic that is not there.
    """

    kind: Kind
    spec: TopicSpec
    have: int
    settings: dict[str, str]

    def __str__(self) -> str:
        match self.kind:
            case Kind.CREATE:
                return f"create {self.spec.name}: {self.spec.partitions} partitions, {self.spec.replication} replicas"
            case Kind.GROW:
                return f"grow {self.spec.name}: {self.have} to {self.spec.partitions} partitions"
            case Kind.CONFIGURE:
                values = ", ".join(f"{name}={value}" for name, value in self.settings.items())
                return f"configure {self.spec.name}: {values}"


@dataclass(frozen=True, slots=True)
class Actual:
    """A topic as the cluster has it: its partitions and every setting in force."""

    partitions: int
    config: dict[str, str]


def compare(specs: list[TopicSpec], actual: dict[str, Actual]) -> list[Change]:
    """What lacks, in the order of the specifications. Pure.

    Args:
        actual: the topics that exist, by name.
    """
    changes = []
    for spec in specs:
        topic = actual.get(spec.name)
        if topic is None:
            changes.append(Change(Kind.CREATE, spec, 0, dict(spec.config)))
            continue
        if topic.partitions < spec.partitions:
            changes.append(Change(Kind.GROW, spec, topic.partitions, {}))
        wrong = {name: value for name, value in spec.config.items() if topic.config.get(name) != value}
        if wrong:
            changes.append(Change(Kind.CONFIGURE, spec, topic.partitions, wrong))
    return changes


async def plan(settings: Settings) -> list[Change]:
    """What ``apply`` would do. Empty: nothing.

    Raises:
        BrokerUnavailable: Kafka does not answer.
    """
    async with _admin(settings) as admin:
        return await _plan(admin, topic_specs(settings))


async def apply(settings: Settings) -> list[Change]:
    """Bring the topics to their specifications; returns what was done.

    Any number of times, and by several processes at once: what another one did first counts as done.

    Raises:
        BrokerUnavailable: Kafka does not answer.
        TopicsNotApplied: the broker refused a change, with its reason.
    """
    async with _admin(settings) as admin:
        return await _apply(admin, topic_specs(settings))


async def delete(settings: Settings) -> None:
    """Delete every specified topic that exists, with all its records. For tests."""
    names = {spec.name for spec in topic_specs(settings)}
    async with _admin(settings) as admin:
        there = [topic["topic"] for topic in await admin.describe_topics() if topic["topic"] in names]
        if there:
            await admin.delete_topics(there)


@asynccontextmanager
async def _admin(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            admin = await make_admin(settings, "jobstream-topics")
            try:
                yield admin
            finally:
                await close_client(admin, _CLOSE_S)
    except (TimeoutError, OSError, KafkaError) as error:
        raise BrokerUnavailable(
            f"Kafka at {settings.kafka_bootstrap_servers} did not answer: {error!r}. "
            "Is it running, and is JOBSTREAM_KAFKA_BOOTSTRAP_SERVERS right?"
        ) from error


async def _plan(admin: AIOKafkaAdminClient, specs: list[TopicSpec]) -> list[Change]:
    return compare(specs, await _actual(admin, {spec.name for spec in specs}))


async def _apply(admin: AIOKafkaAdminClient, specs: list[TopicSpec]) -> list[Change]:
    done: list[Change] = []
    left = await _plan(admin, specs)
    for attempt in range(_TRIES):
        if not left:
            return done
        await _create(admin, [change for change in left if change.kind is Kind.CREATE])
        await _grow(admin, [change for change in left if change.kind is Kind.GROW])
        await _configure(admin, [change for change in left if change.kind is Kind.CONFIGURE])
        done += [change for change in left if change not in done]
        # Kafka answers before every broker knows; the next look shows whether it came true.
        await asyncio.sleep(0.05 * 2**attempt)
        left = await _plan(admin, specs)
    if left:
        raise TopicsNotApplied(
            "the broker took these changes but does not show them: " + "; ".join(str(change) for change in left)
        )
    return done


async def _actual(admin: AIOKafkaAdminClient, names: set[str]) -> dict[str, Actual]:
    # All topics, not these by name: asking for a missing one by name creates it on brokers that auto-create.
    described = {topic["topic"]: topic for topic in await admin.describe_topics() if topic["topic"] in names}
    if not described:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in described]
    configs = {row.resource_name: row.config for row in await _describe_configs(admin, resources)}
    return {
        name: Actual(len(topic["partitions"]), {key: value for key, value, _ in configs.get(name, [])})
        for name, topic in described.items()
    }


@dataclass(frozen=True, slots=True)
class _Described:
    resource_name: str
    config: list[tuple[str, str, int]]


async def _describe_configs(admin: AIOKafkaAdminClient, resources: list[ConfigResource]) -> list[_Described]:
    rows = []
    for response in await admin.describe_configs(resources):
        for code, _message, _kind, name, entries in response.resources:
            if code:
                continue  # deleted meanwhile, or not ours to read: the next look decides
            rows.append(_Described(name, [(entry[0], entry[1], int(entry[3])) for entry in entries]))
    return rows


async def _create(admin: AIOKafkaAdminClient, changes: list[Change]) -> None:
    if not changes:
        return
    answer = await admin.create_topics(
        [NewTopic(c.spec.name, c.spec.partitions, c.spec.replication, topic_configs=c.settings) for c in changes]
    )
    for name, code, message in answer.topic_errors:
        if code and code != TopicAlreadyExistsError.errno:
            raise TopicsNotApplied(f"{name} cannot be created: {message or for_code(code).__name__}")


async def _grow(admin: AIOKafkaAdminClient, changes: list[Change]) -> None:
    for change in changes:
        try:
            await admin.create_partitions({change.spec.name: NewPartitions(change.spec.partitions)})
        except InvalidPartitionsError:
            pass  # another process has grown it meanwhile; the next look decides
        except KafkaError as error:
            raise TopicsNotApplied(f"{change.spec.name} cannot be grown: {error}") from error


async def _configure(admin: AIOKafkaAdminClient, changes: list[Change]) -> None:
    if not changes:
        return
    resources = [ConfigResource(ConfigResourceType.TOPIC, change.spec.name) for change in changes]
    own = {
        row.resource_name: {name: value for name, value, source in row.config if source == _SET_ON_TOPIC}
        for row in await _describe_configs(admin, resources)
    }
    # AlterConfigs replaces all that is set on the topic, so what others set goes along.
    wanted = [
        ConfigResource(ConfigResourceType.TOPIC, c.spec.name, own.get(c.spec.name, {}) | c.settings) for c in changes
    ]
    for response in await admin.alter_configs(wanted):
        for code, message, _kind, name in response.resources:
            if code:
                raise TopicsNotApplied(f"{name} cannot be configured: {message or for_code(code).__name__}")
