"""An intake without anything around it."""

from jobstream.clock import Clock, SystemClock
from jobstream_api.infrastructure.database import Database
from jobstream_api.services.coverage import Coverage
from jobstream_api.services.intake import Intake
from jobstream_api.settings import ApiSettings


def lone_intake(*, clock: Clock | None = None, coverage: Coverage | None = None, awaited: bool = False) -> Intake:
    """One that was not started."""
    settings = ApiSettings(_env_file=None)
    return Intake(
        settings,
        Database(settings),
        clock=clock or SystemClock(),
        lane=lambda *_job: None,
        coverage=coverage or Coverage(),
        awaited=lambda: awaited,
        hand_over=lambda _rows: None,
        wake_dispatcher=lambda: None,
    )
