"""Schedules as people make, change and read them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, tuple_
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from jobstream_api.domain.errors import ScheduleExists
from jobstream_api.domain.schedules import FireStatus
from jobstream_api.infrastructure.models import ScheduleFireRow, ScheduleRow
from jobstream_api.repositories.fires import Fire, fire_of


async def now(session: AsyncSession) -> datetime:
    """The database's time."""
    moment: datetime = (await session.execute(select(func.now()))).scalar_one()
    return moment


async def find(session: AsyncSession, name: str, schedule_id: UUID | None, *, lock: bool = False) -> ScheduleRow | None:
    """A schedule by its id, else by its name.

    Args:
        lock: nobody else changes or fires it until the transaction ends.
    """
    wanted = ScheduleRow.name == name if schedule_id is None else ScheduleRow.id == schedule_id
    query = select(ScheduleRow).where(wanted)
    if lock:
        query = query.with_for_update()
    return (await session.execute(query)).scalar_one_or_none()


async def save(session: AsyncSession, row: ScheduleRow) -> None:
    """Write a new or changed schedule now.

    Raises:
        ScheduleExists: another one has its name.
    """
    name = row.name  # cannot be read any more after a failure
    session.add(row)
    try:
        await session.flush()
    except IntegrityError as error:
        raise ScheduleExists(name) from error


async def page(session: AsyncSession, limit: int, after: tuple[datetime, UUID] | None) -> Sequence[ScheduleRow]:
    """Schedules, newest first."""
    query = select(ScheduleRow)
    if after is not None:
        query = query.where(tuple_(ScheduleRow.created_at, ScheduleRow.id) < tuple_(*after))
    query = query.order_by(ScheduleRow.created_at.desc(), ScheduleRow.id.desc()).limit(limit)
    return (await session.execute(query)).scalars().all()


async def recent(session: AsyncSession, schedule_id: UUID, limit: int) -> list[Fire]:
    """What became of its latest ticks, latest first."""
    query = select(*ScheduleFireRow.__table__.c).where(ScheduleFireRow.schedule_id == schedule_id)
    query = query.order_by(ScheduleFireRow.tick.desc()).limit(limit)
    return [fire_of(row) for row in (await session.execute(query)).mappings()]


async def waiting(session: AsyncSession, schedule_id: UUID) -> int:
    """How many of its ticks wait for their turn."""
    query = select(func.count()).where(
        ScheduleFireRow.schedule_id == schedule_id, ScheduleFireRow.status == FireStatus.WAITING.value
    )
    count: int = (await session.execute(query)).scalar_one()
    return count
