"""The door without HTTP: records straight to a job topic."""

from collections.abc import Mapping
from typing import Any, Self, Unpack
from uuid import UUID

import orjson

from jobstream.client.options import JobOptions
from jobstream.contracts.jobs import DirectRecord
from jobstream.contracts.topics import DEFAULT_QUEUE, Topics
from jobstream.errors import InvalidInput
from jobstream.ids import new_id
from jobstream.kafka.clients import make_producer, start_client
from jobstream.settings import Settings


class KafkaClient:
    """Publishes jobs to Kafka. Needs no api; the api sees the record and makes the row.

    Use it as ``async with KafkaClient() as client``, or call ``start`` and ``close``.

    Args:
        settings: where Kafka is; default: from the environment.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or Settings.load()
        self._topics = Topics(self._settings.topic_prefix)
        self._producer: Any = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def start(self) -> None:
        """Connect. May be called again after it failed.

        Raises:
            aiokafka.errors.KafkaError: no broker answers.
        """
        if self._producer is None:
            producer = make_producer(self._settings, "jobstream-client")
            await start_client(producer)
            self._producer = producer

    async def close(self) -> None:
        """Send what waits, and disconnect."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()

    async def publish(
        self, payload: Mapping[str, Any], *, job_id: UUID | None = None, **options: Unpack[JobOptions]
    ) -> UUID:
        """Publish a job; returns its id once Kafka has it on all in-sync replicas.

        Args:
            payload: what the handler gets; without ``type=...``, its ``task`` names the type.
            job_id: an id of your own. Publishing it again makes no second job.

        Raises:
            InvalidInput: the api would dead-letter this record; nothing was sent.
            RuntimeError: the client is not started, or closed.
        """
        queue = options.pop("queue", None) or DEFAULT_QUEUE
        if queue not in self._settings.queues:
            known = ", ".join(self._settings.queues)
            raise InvalidInput("unknown_queue", "/queue", f"{queue!r} is none of JOBSTREAM_QUEUES: {known}")
        if options.get("unique") is not None:
            raise InvalidInput("unique_not_here", "/unique", "submit over HTTP, or use idempotency_key")
        chosen = job_id or new_id()
        given = {name: value for name, value in options.items() if value is not None}
        document = {"id": chosen, "payload": dict(payload), **given}
        record = orjson.dumps(document)
        fields = DirectRecord.read(orjson.loads(record))
        fields.resolved_type()
        fields.checked_payload()
        if self._producer is None:
            raise RuntimeError("this client is not connected: use `async with KafkaClient()`, or call start")
        key = fields.key or str(chosen)
        await self._producer.send_and_wait(self._topics.jobs(queue), record, key=key.encode())
        return chosen
