"""Flow control: what operators set of limits, queues and types."""

from typing import Any

from jobstream.contracts.events import TypeAnnouncement
from jobstream.errors import InvalidInput
from jobstream_api.domain.errors import JobTypeNotFound, LimitNotSet, QueueNotFound
from jobstream_api.repositories import flow_settings
from jobstream_api.services.catalogue import Catalogue
from jobstream_api.services.flow_changes import FlowChanges
from jobstream_api.services.flow_specs import QueueChanges, TypeChanges, check_limit, read_limit
from jobstream_api.services.trouble import store_errors
from jobstream_api.settings import ApiSettings


class FlowControl:
    """Settings that hold in every api and worker from their commit on, within a second or two.

    Each change is one transaction, with the record that tells of it.
    """

    def __init__(self, settings: ApiSettings, catalogue: Catalogue, changes: FlowChanges) -> None:
        self._queues = settings.queues
        self._strict = settings.unknown_types == "reject"
        self._catalogue = catalogue
        self._changes = changes

    async def put_limit(self, name: str, document: Any) -> None:
        """Set a limit, whatever was set before; what is left out is as handlers declare it.

        Raises:
            InvalidInput, StoreUnavailable.
        """
        types = check_limit(document)
        if self._strict:
            for place, job_type in enumerate(types):
                self._catalogue.require(job_type, f"/types/{place}")
        async with store_errors("limits"), self._changes.change() as connection:
            declared = await flow_settings.declared_limit(connection, name)
            rule, types = read_limit(name, document, None if declared is None else declared.rule)
            await flow_settings.put_limit(connection, name, rule, types)

    async def delete_limit(self, name: str) -> None:
        """Take back what was set: what handlers declare holds again.

        Raises:
            LimitNotSet, StoreUnavailable.
        """
        async with store_errors("limits"), self._changes.change() as connection:
            if not await flow_settings.delete_limit(connection, name):
                raise LimitNotSet(name)

    async def change_queue(self, name: str, document: Any) -> None:
        """Change the given fields of a queue.

        Raises:
            InvalidInput, QueueNotFound, StoreUnavailable.
        """
        changes = QueueChanges.read(document).columns()
        if name not in self._queues:
            raise QueueNotFound(name, self._queues)
        if not changes:
            raise InvalidInput("missing_field", "", f"name what to change: {', '.join(QueueChanges.model_fields)}")
        async with store_errors("queues"), self._changes.change() as connection:
            await flow_settings.change_queue(connection, name, changes)

    async def change_type(self, job_type: str, document: Any) -> TypeAnnouncement:
        """Pause a type, or resume it.

        Raises:
            InvalidInput, JobTypeNotFound, StoreUnavailable.
        """
        changes = TypeChanges.read(document)
        announced = self._catalogue.get(job_type)
        if announced is None:
            raise JobTypeNotFound(job_type)
        async with store_errors("types"), self._changes.change() as connection:
            if not await flow_settings.pause_type(connection, job_type, changes.paused):
                raise JobTypeNotFound(job_type)
        return announced
