"""Jobs as the api would show them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jobstream.cli.demo.place import Place
from jobstream.client import JobSnapshot
from jobstream.contracts.status import JobStatus
from jobstream.ids import new_id
from jobstream.settings import Settings

NOW = datetime(2026, 10, 1, 9, 30, tzinfo=UTC)


@pytest.fixture
def place(tmp_path) -> Place:
    """A place with everything prepared, and nothing behind it."""
    (tmp_path / "files").mkdir()
    (tmp_path / "mails").mkdir()
    settings = Settings(_env_file=None)  # type: ignore[call-arg]
    return Place("http://127.0.0.1:8000", settings, files=tmp_path / "files", mails=tmp_path / "mails")


@pytest.fixture
def job():
    """``job("COMPLETED", result=...)``: a job at one moment."""

    def make(status: str = "PENDING", *, attempt: int = 1, took_s: float = 1.5, **fields: Any) -> JobSnapshot:
        errors = [{"message": fields["last_error"]}] if "last_error" in fields else []
        return JobSnapshot(
            **{
                "id": new_id(),
                "type": "example",
                "queue": "default",
                "status": JobStatus(status),
                "attempt": attempt,
                "retries": attempt - 1,
                "max_retries": 3,
                "payload": {},
                "errors": errors,
                "created_at": NOW,
                "finished_at": NOW + timedelta(seconds=took_s) if JobStatus(status).terminal else None,
                **fields,
            }
        )

    return make
