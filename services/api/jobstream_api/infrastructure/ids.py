"""New ids in the form that the database driver takes as it is.

They are ``uuid.UUID`` like any other, made, written and hashed by the driver's own code in C: at a
few ids a job, Python's cost more than the job's JSON. orjson does not know them: write ``str(id)``.
"""

from typing import cast
from uuid import UUID

from asyncpg.pgproto.pgproto import UUID as DriversUUID
from uuid_utils import uuid7


def new_id() -> UUID:
    """A fresh UUIDv7 of this machine's clock."""
    return cast(UUID, DriversUUID(uuid7().bytes))
