"""Settings of the api that depend on one another."""

import pytest

from jobstream.errors import ConfigurationError
from jobstream_api.settings import ApiSettings


def test_managed_queues_are_among_the_queues(monkeypatch):
    monkeypatch.setenv("JOBSTREAM_QUEUES", "high, bulk")
    monkeypatch.setenv("JOBSTREAM_MANAGED_QUEUES", "bulk, default")
    assert ApiSettings.load(_env_file=None).managed_queues == ("bulk", "default")
    monkeypatch.setenv("JOBSTREAM_MANAGED_QUEUES", "low")
    with pytest.raises(ConfigurationError, match=r"JOBSTREAM_MANAGED_QUEUES: .*'low' is none of JOBSTREAM_QUEUES"):
        ApiSettings.load(_env_file=None)
