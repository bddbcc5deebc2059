"""What an api process holds of the rules, and what it takes for news."""

from types import SimpleNamespace

import pytest

from jobstream.contracts.control import GATES_KEY, Gates
from jobstream.contracts.flow import Limit
from jobstream_api.domain.flow import FlowRules, QueueRules, effective_limits
from jobstream_api.infrastructure.database import Database
from jobstream_api.services.flow import Flow
from jobstream_api.settings import ApiSettings
from tests.support.offline import AT, offline_flow


@pytest.fixture
def flow() -> Flow:
    settings = ApiSettings(_env_file=None)
    found, _, _ = offline_flow(Database(settings), settings)
    return found


def record(value: bytes | None, key: bytes = GATES_KEY) -> SimpleNamespace:
    return SimpleNamespace(key=key, value=value)


def told(version: int) -> SimpleNamespace:
    return record(Gates(version=version, at=AT).to_json())


def test_without_rules_no_job_has_a_lane(flow):
    assert flow.lane("example", "default", "key", {"a": 1}) is None
    flow.take(FlowRules(version=1, queues={"default": QueueRules(paused=True)}))
    assert not flow.gated
    assert flow.lane("example", "default", "key", {"a": 1}) is None


def test_older_rules_do_not_replace_newer_ones(flow):
    limits = effective_limits({"example": [Limit(kind="rate", limit=1)]}, {})
    flow.take(FlowRules(version=5, limits=limits))
    flow.take(FlowRules(version=4))
    assert flow.gated
    assert flow.lane("example", "default", None, {}) == '["default","example",[["example.rate",""]],null,null]'
    flow.take(FlowRules(version=6))
    assert flow.lane("example", "default", None, {}) is None


class Follower:
    """Gives one batch of records a turn."""

    def __init__(self, *batches: list[SimpleNamespace]) -> None:
        self._batches = list(batches)

    async def read(self, timeout_s: float) -> list[SimpleNamespace]:
        return self._batches.pop(0) if self._batches else []


@pytest.mark.parametrize(
    ("records", "loads"),
    [
        ([], 0),
        ([told(4)], 0),
        ([told(5)], 0),
        ([told(6)], 1),
        ([told(6), told(7), told(8)], 1),
        ([record(b'{"control": "cancel"}', key=b"a-job")], 0),
        ([record(b"nonsense")], 1),
        ([record(None)], 1),
    ],
)
async def test_only_news_are_read_from_the_database(flow, monkeypatch, records, loads):
    seen = []

    async def load() -> None:
        seen.append(True)

    monkeypatch.setattr(flow, "_load", load)
    flow.take(FlowRules(version=5))
    await flow.turn(Follower(records))
    assert len(seen) == loads


@pytest.mark.parametrize(("quiet_s", "loads"), [(0.0, 0), (7.0, 0), (9.0, 1)])
async def test_while_kafka_is_away_the_database_is_asked(monkeypatch, quiet_s, loads):
    seen = []

    async def load() -> None:
        seen.append(True)

    flow = Flow(None, None, lambda: None, quiet_for=lambda: quiet_s)  # type: ignore[arg-type,return-value]
    monkeypatch.setattr(flow, "_load", load)
    flow._loaded_at = -1000.0
    await flow.turn(Follower())
    assert len(seen) == loads
