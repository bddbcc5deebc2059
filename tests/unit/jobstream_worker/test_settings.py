"""Settings of the worker: from the environment, checked, with the fix in the message."""

import os

import pytest

from jobstream.errors import ConfigurationError
from jobstream_worker.settings import WorkerSettings


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch):
    for name in [name for name in os.environ if name.startswith("JOBSTREAM_")]:
        monkeypatch.delenv(name)


def test_lists_are_comma_separated(monkeypatch):
    monkeypatch.setenv("JOBSTREAM_HANDLERS", "shop.jobs, shop.more")
    monkeypatch.setenv("JOBSTREAM_QUEUES", "default,bulk")
    settings = WorkerSettings.load(_env_file=None)
    assert settings.handlers == ("shop.jobs", "shop.more")
    assert settings.served_queues == ("default", "bulk")


def test_a_worker_may_serve_some_queues_only():
    assert WorkerSettings.load(_env_file=None, worker_queues="high").served_queues == ("high",)
    with pytest.raises(ConfigurationError, match="JOBSTREAM_WORKER_QUEUES"):
        WorkerSettings.load(_env_file=None, worker_queues="bulk")


def test_queues_have_weights():
    assert WorkerSettings.load(_env_file=None, queues="low,mail").weights == {"default": 4, "low": 1, "mail": 4}
    assert WorkerSettings.load(_env_file=None).weights == {"default": 4, "high": 8, "low": 1}
    given = WorkerSettings.load(_env_file=None, worker_queues="high:20, default")
    assert (given.weights, given.served_queues) == ({"high": 20, "default": 1}, ("high", "default"))


@pytest.mark.parametrize(
    "queues", ["high:0", "high:", "high:-1", "high:1.5", "high:x", "high:1001", "high,high:2", ":3"]
)
def test_wrong_weights_are_refused_with_the_fix(queues):
    with pytest.raises(ConfigurationError, match=r"JOBSTREAM_WORKER_QUEUES (gives|names)"):
        WorkerSettings.load(_env_file=None, worker_queues=queues)


def test_process_slots_follow_the_cores():
    assert WorkerSettings.load(_env_file=None).process_slots == os.cpu_count()
    assert WorkerSettings.load(_env_file=None, worker_process_slots=7).process_slots == 7
