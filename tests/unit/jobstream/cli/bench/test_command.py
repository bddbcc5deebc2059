"""Which api and which Kafka `jobstream bench` takes, and what it says if there is none."""

import json
import os

import pytest
from typer.testing import CliRunner

from jobstream.cli.app import app
from jobstream.cli.bench.command import _kafka_settings
from jobstream.cli.output import Exit


@pytest.fixture(autouse=True)
def _clean(monkeypatch, tmp_path):
    for name in ("JOBSTREAM_KAFKA_BOOTSTRAP_SERVERS", "JOBSTREAM_API_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def run_here(folder) -> None:
    (folder / ".jobstream").mkdir()
    run = {"api": "http://127.0.0.1:8123", "kafka": "127.0.0.1:9123", "pid": os.getpid()}
    (folder / ".jobstream" / "run.json").write_text(json.dumps(run))


def test_without_an_api_it_is_wrong_usage():
    done = CliRunner().invoke(app, ["bench"])
    assert done.exit_code == Exit.USAGE
    assert "jobstream up" in done.stderr


def test_an_address_that_is_none_is_wrong_usage():
    done = CliRunner().invoke(app, ["bench", "--api", "ftp://jobs.example"])
    assert done.exit_code == Exit.USAGE
    assert "no address" in done.stderr


def test_the_kafka_of_the_cluster_here_goes_only_with_its_api(tmp_path):
    run_here(tmp_path)
    ours = _kafka_settings(None, None)
    assert ours is not None
    assert ours.kafka_bootstrap_servers == "127.0.0.1:9123"
    assert _kafka_settings("http://elsewhere.example", None) is None


def test_a_kafka_that_was_named_goes_with_any_api(monkeypatch):
    named = _kafka_settings("http://elsewhere.example", "kafka.example:9092")
    assert named is not None
    assert named.kafka_bootstrap_servers == "kafka.example:9092"
    monkeypatch.setenv("JOBSTREAM_KAFKA_BOOTSTRAP_SERVERS", "set.example:9092")
    by_setting = _kafka_settings("http://elsewhere.example", None)
    assert by_setting is not None
    assert by_setting.kafka_bootstrap_servers == "set.example:9092"
