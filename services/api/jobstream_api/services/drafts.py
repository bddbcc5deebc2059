"""From a parsed document to a job that may be stored: every check that needs no database."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from pydantic import Field

from jobstream.clock import Clock
from jobstream.contracts.jobs import JobFields, Name
from jobstream.contracts.limits import check_text
from jobstream.contracts.topics import DEFAULT_QUEUE
from jobstream.errors import InvalidInput
from jobstream_api.domain.uniqueness import Asked
from jobstream_api.repositories.submits import Draft
from jobstream_api.services.catalogue import Catalogue
from jobstream_api.settings import ApiSettings


class NewJob(JobFields):
    """A job as it is submitted over HTTP."""

    queue: Name = Field(DEFAULT_QUEUE, description="Which queue takes it; must be configured.", examples=["default"])


LaneOf = Callable[[str, str, str | None, Mapping[str, Any]], str | None]
"""The lane of a job by its type, queue, key and payload."""


class Drafter:
    """Checks documents. Threads may share it."""

    def __init__(
        self, catalogue: Catalogue, lane: LaneOf, settings: ApiSettings, clock: Clock, ids: Callable[[], UUID]
    ) -> None:
        self._catalogue = catalogue
        self._lane = lane
        self._queues = frozenset(settings.queues)
        self._strict = settings.unknown_types == "reject"
        self._clock = clock
        self._ids = ids

    def draft(self, document: Any) -> Draft:
        """A draft of the job that a parsed document describes.

        Raises:
            InvalidInput: with the field and the fix.
        """
        fields = NewJob.read(document)
        job_type = fields.resolved_type()
        if fields.queue not in self._queues:
            raise InvalidInput(
                "unknown_queue",
                "/queue",
                f"there is no queue {fields.queue!r}; configured are: {', '.join(sorted(self._queues))}",
            )
        fields.due(self._clock.now())
        payload = fields.checked_payload()
        if fields.key is not None:
            check_text(fields.key, "/key")
        if self._strict:
            self._catalogue.require(job_type, "/type" if fields.type is not None else "/payload/task")
        self._catalogue.check_payload(job_type, fields.payload)
        lane = self._lane(job_type, fields.queue, fields.key, fields.payload)
        return Draft(self._ids(), job_type, fields.queue, fields, payload, lane, self._unique(job_type, fields))

    def _unique(self, job_type: str, fields: NewJob) -> Asked | None:
        rule = fields.unique
        if rule is None:
            announced = self._catalogue.get(job_type)
            if announced is None or announced.unique is None:
                return None
            rule = announced.unique
        return Asked(rule.hash_of(type=job_type, queue=fields.queue, key=fields.key, payload=fields.payload), rule)
