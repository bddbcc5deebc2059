"""The job types that workers have announced: known ones, their defaults, their payload schemas.

Loaded from the table, then kept up with the compacted topic that the workers write; what changed
there is written to the table, so that a process that starts while Kafka is away knows as much.
"""

from collections.abc import Callable
from typing import Any

from jobstream.contracts.events import TypeAnnouncement
from jobstream.contracts.flow import Limit
from jobstream.contracts.limits import MAX_RECORD_BYTES, parse_json
from jobstream.errors import InvalidInput
from jobstream.kafka.follower import TopicFollower
from jobstream.telemetry import Event, emit
from jobstream_api.infrastructure.database import Database
from jobstream_api.repositories import job_types
from jobstream_api.services.flow_changes import FlowChanges
from jobstream_api.services.following import Following
from jobstream_api.services.payloads import PayloadSchema, SchemaRefused

_POLL_S = 1.0
_LISTED = 20


class Catalogue(Following):
    """Knows every announced job type. Reads from it never wait.

    Args:
        changes: where types that declare gates are stored.
        follow: makes a follower of the types topic.
    """

    name = "catalogue"

    def __init__(self, database: Database, changes: FlowChanges, follow: Callable[[], TopicFollower]) -> None:
        super().__init__(follow)
        self._database = database
        self._changes = changes
        self._types: dict[str, TypeAnnouncement] = {}
        self._schemas: dict[str, PayloadSchema] = {}
        self.loaded = False
        self.bad_records = 0

    def get(self, job_type: str) -> TypeAnnouncement | None:
        """What was announced of a type, or None if nothing ever was."""
        return self._types.get(job_type)

    def known(self, job_type: str) -> bool:
        """True once a worker has announced the type."""
        return job_type in self._types

    def names(self) -> list[str]:
        """All known types, sorted."""
        return sorted(self._types)

    def all(self) -> list[TypeAnnouncement]:
        """All announcements, sorted by type."""
        return [self._types[name] for name in self.names()]

    def require(self, job_type: str, field: str) -> None:
        """Refuse a type that nobody announced.

        Args:
            field: where the caller named it.

        Raises:
            InvalidInput: ``unknown_type``, with the known ones.
        """
        if job_type not in self._types:
            names = self.names()
            known = ", ".join(names[:_LISTED]) or "none yet; start a worker that has a handler for it"
            more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
            raise InvalidInput(
                "unknown_type", field, f"no worker has announced the type {job_type!r}; known are: {known}{more}"
            )

    def check_payload(self, job_type: str, payload: dict[str, Any]) -> None:
        """Refuse a payload that does not fit the type's schema, if it has one.

        Raises:
            InvalidInput: ``invalid_payload``, with the field.
        """
        schema = self._schemas.get(job_type)
        if schema is not None:
            schema.check(payload)

    def max_retries(self, job_type: str, default: int) -> int:
        """The type's own number of retries, else ``default``."""
        announced = self._types.get(job_type)
        return default if announced is None else announced.max_retries

    async def before(self) -> None:
        if not self.loaded:
            await self._load()

    async def begin(self, follower: TopicFollower) -> None:
        follower.rewind([])

    async def _load(self) -> None:
        async with self._database.connection() as connection:
            for announced in await job_types.load(connection):
                self.learn(announced)
        self.loaded = True

    async def turn(self, follower: TopicFollower) -> None:
        changed: dict[str, TypeAnnouncement] = {}
        for record in await follower.read(_POLL_S):
            announced = self._read(record)
            if announced is not None and self._differs(announced):
                changed[announced.type] = announced
        if changed:
            await self._store(list(changed.values()))
            for announced in changed.values():
                self.learn(announced)
            emit(Event.TYPES_LEARNED, types=sorted(changed))

    async def _store(self, changed: list[TypeAnnouncement]) -> None:
        gates = any(self._gates_of(self._types.get(each.type)) != self._gates_of(each) for each in changed)
        async with self._changes.change() if gates else self._database.connection() as connection:
            await job_types.upsert(connection, changed)

    @staticmethod
    def _gates_of(announced: TypeAnnouncement | None) -> tuple[list[Limit], bool]:
        return ([], False) if announced is None else (announced.limits, announced.strict_order)

    def _read(self, record: Any) -> TypeAnnouncement | None:
        try:
            if record.value is None:
                raise InvalidInput("null_value", "", "the record has no value")
            return TypeAnnouncement.read(parse_json(record.value, max_bytes=MAX_RECORD_BYTES))
        except InvalidInput as error:
            self.bad_records += 1
            emit(Event.TYPE_IGNORED, offset=record.offset, error=str(error))
            return None

    def _differs(self, announced: TypeAnnouncement) -> bool:
        have = self._types.get(announced.type)
        if have is None:
            return True
        return announced.at > have.at and announced.model_copy(update={"at": have.at}) != have

    def learn(self, announced: TypeAnnouncement) -> None:
        """Take an announcement in, whatever was known before."""
        self._types[announced.type] = announced
        self._schemas.pop(announced.type, None)
        if announced.payload_schema is not None:
            try:
                self._schemas[announced.type] = PayloadSchema(announced.payload_schema)
            except SchemaRefused as error:
                emit(Event.TYPE_IGNORED, type=announced.type, error=f"its payload schema is not used: {error}")
