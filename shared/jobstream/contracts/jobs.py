"""A job on its way in: the fields both doors take, and the record on a job topic.

`JobFields` is what a person may ask for; `DirectRecord` is that plus what only a record can carry;
`Job` is a job as the worker receives it, whichever door it came through.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Protocol, Self
from uuid import UUID

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema, core_schema

from jobstream.contracts import limits
from jobstream.contracts.headers import ORIGIN_HEADER, header
from jobstream.contracts.names import NAME_PATTERN
from jobstream.contracts.topics import Topics
from jobstream.contracts.unique import Unique
from jobstream.errors import InvalidInput
from jobstream.ids import idempotent_id, record_id

MAX_RUN_AHEAD = timedelta(days=366)
MAX_CLOCK_ERROR_MS = 86_400_000
"""A record's timestamp is believed if it is no further off, milliseconds. That is far more than clocks differ, and than
its two readers, worker and intake, usually lie apart: so both decide the same."""
MAX_ATTEMPT = 2**31 - 1
MAX_PRIORITY = 9
_FIRST_YEAR = 1970
_SURELY_SMALL = limits.MAX_PAYLOAD_BYTES // 16
"""Bytes of a record whose payload needs no measuring: 1e15, written out, is the most that one grows."""


def _rfc3339(value: object) -> object:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise ValueError("must be a time like 2026-12-24T18:00:00Z")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("must be a time like 2026-12-24T18:00:00Z") from None
    if moment.tzinfo is None:
        raise ValueError("needs a time zone, e.g. a Z at its end for UTC")
    if moment.tzinfo is UTC:
        return moment
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is no time a calendar knows") from None


def _object(value: object) -> object:
    if isinstance(value, dict | Unique):
        return value
    raise ValueError('must be an object like {"by": ["type", "$.order_id"]}')


class _Then:
    """A second check in an annotation, with a message of its own.

    In pydantic's own terms, so that nothing of it runs in Python: each job is read at least twice.
    """

    def __init__(self, check: CoreSchema, complaint: str) -> None:
        self._check = core_schema.custom_error_schema(check, "jobstream", custom_error_message=complaint)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.chain_schema([handler(source), self._check])


class _Instead(_Then):
    """The same instead of the type's own check, for what JSON has no type for."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return self._check


Moment = Annotated[datetime, BeforeValidator(_rfc3339)]
Name = Annotated[str, _Then(core_schema.str_schema(pattern=NAME_PATTERN.pattern), f"must match {NAME_PATTERN.pattern}")]
Identifier = Annotated[UUID, _Instead(core_schema.uuid_schema(strict=False), "must be a UUID")]
Key = Annotated[str, Field(min_length=1, max_length=limits.MAX_KEY_LENGTH)]
Tag = Annotated[str, Field(min_length=1, max_length=100)]


class Contract(BaseModel):
    """Base of all wire models: no coercion, unknown fields ignored."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, allow_inf_nan=False)

    @classmethod
    def read(cls, document: object) -> Self:
        """Validate a parsed document.

        Raises:
            InvalidInput: code ``invalid_field`` or ``missing_field``, with the field and the fix.
        """
        if not isinstance(document, dict):
            kind = {list: "an array", str: "a string", type(None): "null", bool: "a boolean"}.get(
                type(document), "a number"
            )
            raise InvalidInput("not_an_object", "", f"must be a JSON object, not {kind}")
        try:
            return cls.__pydantic_validator__.validate_python(document)  # type: ignore[no-any-return]
        except ValidationError as error:
            raise first_problem(error) from None


def first_problem(error: ValidationError, prefix: str = "") -> InvalidInput:
    """The first complaint of a pydantic error as InvalidInput."""
    problem = error.errors(include_url=False, include_input=False)[0]
    field = prefix + "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in problem["loc"])
    if problem["type"] == "extra_forbidden" and problem["loc"][0] == "unique" and not prefix:
        known = ", ".join(Unique.model_fields)
        return InvalidInput("unknown_field", field[:300], f"there is no such field; known are: {known}")
    code = "missing_field" if problem["type"] == "missing" else "invalid_field"
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] in ("dict_type", "model_type"):
        message = "must be an object"  # pydantic's words tell of dictionaries and classes
    return InvalidInput(code, field, message[0].lower() + message[1:])


class JobFields(Contract):
    """What one may ask of a job, at either door."""

    payload: dict[str, Any] = Field(
        description="What the handler gets: a JSON object of at most 256 KiB. Without `type`, `task` names it.",
        examples=[{"task": "example", "value": 42}],
    )
    type: Name | None = Field(None, description="Job type: which handler runs it. Default: `payload.task`.")
    key: Key | None = Field(None, description="Ordering key: jobs with one key run one after another.")
    max_retries: int | None = Field(
        None, ge=0, le=100, description="Tries after the first; 3 means up to 4 attempts. Default: the type's, else 3."
    )
    timeout_s: float | None = Field(
        None,
        gt=0,
        le=7 * 86400,
        description="A run that takes longer is ended and counts as failed. Default: the type's.",
    )
    run_at: Moment | None = Field(None, description="Not before this time (RFC 3339), at most a year ahead.")
    delay_s: float | None = Field(None, ge=0, le=366 * 86400, description="Not before so many seconds from now.")
    start_within_s: float | None = Field(
        None,
        gt=0,
        le=366 * 86400,
        description="FAILED, and not retried, if it has not started so many seconds after it was due.",
    )
    tags: list[Tag] = Field(default_factory=list, max_length=limits.MAX_TAGS, description="Free words to filter by.")
    priority: int = Field(
        0,
        ge=0,
        le=MAX_PRIORITY,
        description="Larger goes first where jobs wait for their turn: in a managed queue, and at a limit.",
    )
    unique: Annotated[Unique, BeforeValidator(_object)] | None = Field(
        None,
        description="At most one such job at a time. Over HTTP only; a record has `idempotency_key`. Default: the "
        "type's.",
    )

    def resolved_type(self) -> str:
        """The job type: ``type``, else ``payload.task``.

        Raises:
            InvalidInput: neither names a type.
        """
        if self.type is not None:
            return self.type
        task = self.payload.get("task")
        if not isinstance(task, str):
            raise InvalidInput("missing_field", "/type", "name the job type here, or as a string in payload.task")
        if not NAME_PATTERN.fullmatch(task):
            raise InvalidInput(
                "invalid_field", "/payload/task", f"must match {NAME_PATTERN.pattern} to name a job type"
            )
        return task

    def due(self, now: datetime, year_from: datetime | None = None) -> datetime | None:
        """When the job may start at the earliest, or None for at once.

        Args:
            now: what ``delay_s`` counts from.
            year_from: what the year counts from that ``run_at`` may be ahead, if not from ``now``.

        Raises:
            InvalidInput: before 1970, further ahead than a year, or both run_at and delay_s are given.
        """
        if self.run_at is not None and self.delay_s is not None:
            raise InvalidInput("invalid_field", "/delay_s", "give run_at or delay_s, not both")
        if self.run_at is not None and self.run_at.year < _FIRST_YEAR:
            raise InvalidInput("invalid_field", "/run_at", "lies before 1970; leave it out to start at once")
        at = self.run_at if self.run_at is not None else now + timedelta(seconds=self.delay_s or 0.0)
        if at > (year_from or now) + MAX_RUN_AHEAD:
            raise InvalidInput("invalid_field", "/run_at", "is more than a year ahead; submit it later")
        return at if at > now else None

    def start_before(self, due: datetime) -> datetime | None:
        """Until when it must have started, or None for any time.

        Args:
            due: when it may start.
        """
        return None if self.start_within_s is None else due + timedelta(seconds=self.start_within_s)

    def checked_payload(self) -> bytes:
        """The payload as compact JSON.

        Raises:
            InvalidInput: ``payload_too_large``.
        """
        raw = orjson.dumps(self.payload)
        if len(raw) > limits.MAX_PAYLOAD_BYTES:
            raise InvalidInput(
                "payload_too_large",
                "/payload",
                f"has {len(raw)} bytes, at most {limits.MAX_PAYLOAD_BYTES} "
                "are taken; store it elsewhere and send a reference",
            )
        return raw


class DirectRecord(JobFields):
    """A record that any program may write to a job topic. Needs no headers."""

    id: Identifier | None = Field(
        None, description="A UUID of your own. Default: made from the record's place and time."
    )
    idempotency_key: Key | None = Field(None, description="Records with the same key on a topic are one job.")


class Job(Contract):
    """A job as the worker receives it. Records of the api are exactly this."""

    id: Identifier
    type: Name
    queue: Name
    key: str | None = None
    payload: dict[str, Any]
    attempt: int = Field(1, ge=1, le=MAX_ATTEMPT)
    dispatch: int = Field(1, ge=1, le=MAX_ATTEMPT, description="How often the api handed this job to Kafka.")
    max_retries: int | None = Field(None, ge=0, le=MAX_ATTEMPT, description="Operators' retries raise it.")
    timeout_s: float | None = Field(None, gt=0)
    run_at: Moment | None = None
    start_before: Moment | None = Field(None, description="Too late to start after that; the worker reports FAILED.")
    tags: list[str] = Field(default_factory=list)
    created_at: Moment
    direct: bool = Field(False, description="Came straight from the topic, so the api may not have a row yet.")
    priority: int = Field(0, ge=0, le=MAX_PRIORITY)
    permit: bool = Field(False, description="The dispatcher let it pass the gates of its type and queue.")
    start_by: Moment | None = Field(
        None, description="The permit is good for a start until then; a worker that is later hands the job back."
    )

    def to_json(self) -> bytes:
        """The record's value."""
        return orjson.dumps(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """All fields, as orjson writes them; those of gates, and None, are left out at their defaults."""
        return {
            name: value
            for name, value in self.__dict__.items()
            if value is not None and (value or name not in ("priority", "permit"))
        }


class Record(Protocol):
    """A consumed Kafka record, as far as contracts look at it."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: Any
    value: Any
    headers: Sequence[tuple[str, bytes]]


def is_direct(record: Record) -> bool:
    """True for a record that did not come from the api."""
    return header(record.headers, ORIGIN_HEADER) is None


def read_job(record: Record, topics: Topics, now_ms: int) -> Job:
    """The job in a record of a job topic, from either door.

    Both the worker and the api's intake read direct records through here, so both see the same id.

    Args:
        now_ms: the wall clock, milliseconds since 1970; one reading does for a batch.

    Raises:
        InvalidInput: the record holds no job; the reason and the field are in it.
    """
    if record.value is None:
        raise InvalidInput("null_value", "", "the record has no value; write a JSON object")
    document = limits.parse_json(record.value, max_bytes=limits.MAX_RECORD_BYTES)
    if not is_direct(record):
        return Job.read(document)
    fields = DirectRecord.read(document)
    if len(record.value) > _SURELY_SMALL:
        fields.checked_payload()
    if fields.unique is not None:
        raise InvalidInput("unique_not_here", "/unique", "submit over HTTP, or use idempotency_key")
    if fields.id is not None and fields.idempotency_key is not None:
        raise InvalidInput("invalid_field", "/idempotency_key", "give id or idempotency_key, not both")
    if fields.id is not None:
        job_id = fields.id
    elif fields.idempotency_key is not None:
        job_id = idempotent_id(record.topic, fields.idempotency_key)
    else:
        job_id = record_id(record.topic, record.partition, record.offset, record.timestamp)
    written = _written_at(record, now_ms)
    # A timestamp from long ago is no clock's (0, or seconds for milliseconds), or the record waited for days.
    stale = fields.run_at is not None and record.timestamp < now_ms - MAX_CLOCK_ERROR_MS
    due = fields.due(written, datetime.fromtimestamp(now_ms / 1000, UTC) if stale else None)
    return Job.read(
        {
            "id": job_id,
            "type": fields.resolved_type(),
            "queue": topics.queue(record.topic),
            "key": fields.key,
            "payload": fields.payload,
            "max_retries": fields.max_retries,
            "timeout_s": fields.timeout_s,
            "run_at": due,
            "start_before": fields.start_before(due or written),
            "tags": fields.tags,
            "priority": fields.priority,
            "created_at": written,
            "direct": True,
        }
    )


def _written_at(record: Record, now_ms: int) -> datetime:
    """The record's timestamp; one from before the calendar reads as 1970.

    Raises:
        InvalidInput: ``future_timestamp``: times counted from it would be wrong, and nobody would know.
    """
    if record.timestamp > now_ms + MAX_CLOCK_ERROR_MS:
        raise InvalidInput(
            "future_timestamp",
            "",
            f"the record's timestamp is in the future, by more than a day: {record.timestamp}; "
            "give it in milliseconds since 1970 by a clock that is right, or leave it to the Kafka client",
        )
    try:
        return datetime.fromtimestamp(record.timestamp / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.fromtimestamp(0, UTC)
