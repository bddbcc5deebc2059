"""The topics: their names, what keys them, how they are kept. Topics as code.

`jobstream topics plan|apply` compares this with the cluster.
"""

from dataclasses import dataclass, field

from jobstream.settings import Settings

DEFAULT_QUEUE = "default"
_HOUR_MS = 3600 * 1000
_DAY_MS = 24 * _HOUR_MS


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """One topic as it should be.

    Attributes:
        name: full name, prefix included.
        purpose: one line for people.
        partitions: wanted count; a topic with more is left alone, one with fewer is grown.
        config: topic settings as Kafka spells them.
    """

    name: str
    purpose: str
    partitions: int
    replication: int
    config: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Topics:
    """The names of all topics under one prefix."""

    prefix: str

    def jobs(self, queue: str = DEFAULT_QUEUE) -> str:
        """The topic of a queue."""
        return f"{self.prefix}jobs.created" if queue == DEFAULT_QUEUE else f"{self.prefix}jobs.created.{queue}"

    def queue(self, topic: str) -> str:
        """The queue of a job topic."""
        base = self.jobs()
        return DEFAULT_QUEUE if topic == base else topic.removeprefix(base + ".")

    @property
    def status(self) -> str:
        """Status events, keyed by job id, on the partition by its CRC-32. A public, versioned contract."""
        return f"{self.prefix}jobs.status"

    @property
    def control(self) -> str:
        """Cancellations and gates, read by every worker from its beginning."""
        return f"{self.prefix}jobs.control"

    @property
    def types(self) -> str:
        """What handlers the workers have, compacted, keyed by type."""
        return f"{self.prefix}jobs.types"

    @property
    def dead(self) -> str:
        """Raw bytes of what could not be read."""
        return f"{self.prefix}jobs.dead"


def topic_specs(settings: Settings) -> list[TopicSpec]:
    """Every topic that ``settings`` ask for."""
    topics = Topics(settings.topic_prefix)
    many, replicas = settings.topic_partitions, settings.topic_replication
    durable = {"min.insync.replicas": "2"} if replicas > 2 else {}
    week = {"retention.ms": str(7 * _DAY_MS), **durable}
    specs = [
        TopicSpec(
            topics.jobs(queue), f"jobs of the queue {queue}", many, replicas, {**week, "max.message.bytes": "2097152"}
        )
        for queue in settings.queues
    ]
    specs += [
        # Its end offsets and commit times are compared with the broker's clock, not the workers'.
        TopicSpec(topics.status, "status events", many, replicas, {**week, "message.timestamp.type": "LogAppendTime"}),
        # The leader repeats the gates, so a day is enough. Kafka deletes whole segments, and the one that is written
        # never: without short ones a week would stay, and be read by every worker that starts.
        TopicSpec(
            topics.control,
            "cancellations, gates and pauses",
            1,
            replicas,
            {"retention.ms": str(_DAY_MS), "segment.ms": str(_HOUR_MS), **durable},
        ),
        TopicSpec(topics.types, "job types of the workers", 1, replicas, {"cleanup.policy": "compact", **durable}),
        # Origin headers and the raw record must both fit.
        TopicSpec(
            topics.dead,
            "records that could not be read",
            1,
            replicas,
            {"retention.ms": str(30 * _DAY_MS), "max.message.bytes": "4194304", **durable},
        ),
    ]
    return specs
