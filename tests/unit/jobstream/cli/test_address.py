"""Which api and which Kafka a command talks to."""

import json
import os

import pytest

from jobstream.cli.address import api_url, known_settings
from jobstream.errors import ConfigurationError


@pytest.fixture(autouse=True)
def _clean(monkeypatch, tmp_path):
    monkeypatch.delenv("JOBSTREAM_KAFKA_BOOTSTRAP_SERVERS", raising=False)
    monkeypatch.chdir(tmp_path)


def run_here(folder, pid: int = os.getpid()) -> None:
    (folder / ".jobstream").mkdir(exist_ok=True)
    run = {"api": "http://127.0.0.1:8123", "kafka": "127.0.0.1:9123", "pid": pid}
    (folder / ".jobstream" / "run.json").write_text(json.dumps(run))


def test_a_given_address_wins(tmp_path):
    run_here(tmp_path)
    assert api_url("http://api.example") == "http://api.example"
    assert api_url("127.0.0.1:9000") == "http://127.0.0.1:9000"


def test_else_the_cluster_of_this_folder_or_one_above(tmp_path, monkeypatch):
    run_here(tmp_path)
    (tmp_path / "deep" / "down").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep" / "down")
    assert api_url(None) == "http://127.0.0.1:8123"
    assert known_settings().kafka_bootstrap_servers == "127.0.0.1:9123"


def test_a_kafka_of_the_settings_wins(tmp_path, monkeypatch):
    run_here(tmp_path)
    monkeypatch.setenv("JOBSTREAM_KAFKA_BOOTSTRAP_SERVERS", "kafka.example:9092")
    assert known_settings().kafka_bootstrap_servers == "kafka.example:9092"


def test_a_cluster_that_was_killed_is_no_cluster(tmp_path):
    run_here(tmp_path, pid=2**22 + 1)
    with pytest.raises(ConfigurationError, match="jobstream up"):
        api_url(None)
    assert known_settings().kafka_bootstrap_servers == "127.0.0.1:9092"
