"""The compose profile `observability`: clean, closed to the network, and pointed at what the services open."""

import os
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from tests.docs import promql
from tests.support.markdown import ROOT

SERVICES = ("prometheus", "grafana")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "docker-compose.yml").read_text()))


def test_the_file_is_clean_with_the_profile_and_adds_two_services() -> None:
    if (
        shutil.which("docker") is None
        or subprocess.run(["docker", "compose", "version"], capture_output=True).returncode
    ):
        pytest.skip("COMPOSE PROFILE IS NOT FULLY TESTED: no docker compose")
    env = {name: value for name, value in os.environ.items() if not name.startswith("COMPOSE_")}
    found = []
    for profile in ([], ["--profile", "observability"]):
        command = ["docker", "compose", "-f", "docker-compose.yml", *profile, "config", "--services"]
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=30)
        assert (done.returncode, done.stderr) == (0, "")
        found.append(set(done.stdout.split()))
    assert found[1] - found[0] == set(SERVICES)


@pytest.mark.parametrize("name", SERVICES)
def test_services_are_pinned_and_closed(compose: dict[str, Any], name: str) -> None:
    service = compose["services"][name]
    assert service["profiles"] == ["observability"]
    assert service["image"].partition(":")[2] not in ("", "latest")
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert service["cap_drop"] == ["ALL"]
    for mount in service["volumes"]:
        source, _, rest = mount.partition(":")
        if source.startswith("."):
            assert (ROOT / source).is_dir()
            assert rest.endswith(":ro")


def test_prometheus_looks_where_the_services_listen(compose: dict[str, Any]) -> None:
    jobs = yaml.safe_load(promql.PROMETHEUS.read_text())["scrape_configs"]
    looked_at = {job["job_name"]: job["dns_sd_configs"][0] for job in jobs}
    api = compose["services"]["api"]["environment"]
    worker = compose["services"]["worker"]["environment"]
    assert (looked_at["jobstream-api"]["names"], looked_at["jobstream-worker"]["names"]) == (["api"], ["worker"])
    assert str(looked_at["jobstream-api"]["port"]) == api["JOBSTREAM_API_PORT"]
    assert str(looked_at["jobstream-worker"]["port"]) == worker["JOBSTREAM_WORKER_METRICS_PORT"]
    assert api["JOBSTREAM_API_HOST"] == worker["JOBSTREAM_WORKER_METRICS_HOST"] == "0.0.0.0"


def test_grafana_finds_its_files(compose: dict[str, Any]) -> None:
    service = compose["services"]["grafana"]
    mounts = {target: source for source, target, _ in (m.split(":") for m in service["volumes"] if m.startswith("."))}
    provider = yaml.safe_load((promql.OBSERVABILITY / "grafana/provisioning/dashboards/jobstream.yml").read_text())
    folder = provider["providers"][0]["options"]["path"]
    assert list((ROOT / mounts[folder]).glob("*.json")) == [promql.DASHBOARD]
    assert service["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] == f"{folder}/{promql.DASHBOARD.name}"
    assert (ROOT / mounts["/etc/grafana/provisioning"] / "datasources").is_dir()
