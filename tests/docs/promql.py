"""The observability files as tests see them: queries, the metrics they name, the metrics that are documented."""

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.markdown import ROOT, rows

OBSERVABILITY = ROOT / "deploy" / "observability"
ALERTS = OBSERVABILITY / "prometheus" / "alerts.yml"
PROMETHEUS = OBSERVABILITY / "prometheus" / "prometheus.yml"
DASHBOARD = OBSERVABILITY / "grafana" / "dashboards" / "jobstream.json"
METRICS_PAGE = ROOT / "docs" / "operations" / "metrics.md"

_NAME = re.compile(r"\bjobstream_[a-z_]+")
_HISTOGRAM_PARTS = re.compile(r"_(bucket|sum|count)$")


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric as it is documented or exposed; labels without the histograms' own."""

    kind: str
    labels: frozenset[str]


@dataclass(frozen=True, slots=True)
class Query:
    """A PromQL expression, and where it stands."""

    where: str
    expr: str

    def metrics(self) -> set[str]:
        """The metrics of ours that it names; of a histogram the name without its parts."""
        return {_HISTOGRAM_PARTS.sub("", name) for name in _NAME.findall(self.expr)}

    def filled(self, interval: str) -> str:
        """With Grafana's variables as Grafana would fill them in."""
        return self.expr.replace("$__rate_interval", interval).replace("$type", ".*")


def dashboard() -> dict[str, Any]:
    """The dashboard."""
    return dict(json.loads(DASHBOARD.read_text()))


def dashboard_queries() -> list[Query]:
    """All queries of the dashboard."""
    return [
        Query(f"{panel['title']} {target['refId']}", target["expr"])
        for panel in dashboard()["panels"]
        for target in panel.get("targets", [])
    ]


def alert_rules() -> list[dict[str, Any]]:
    """All alerts."""
    return [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


def alert_queries() -> list[Query]:
    """The expressions of all alerts."""
    return [Query(rule["alert"], rule["expr"]) for rule in alert_rules()]


def documented() -> dict[str, Metric]:
    """The metrics of the page, by name as Prometheus shows it."""
    found = {}
    for row in rows(METRICS_PAGE):
        if (match := re.fullmatch(r"`(jobstream_\w+)`", row[0])) is not None:
            assert match[1] not in found, f"{match[1]} is documented twice"
            found[match[1]] = Metric(row[1], frozenset(re.findall(r"`(\w+)`", row[2])))
    return found


def program(name: str) -> str:
    """The path of a program of Debian's package `prometheus`; the test is skipped where it is missing."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"OBSERVABILITY IS NOT FULLY TESTED: no {name}; apt-get install prometheus")
    return path


def promtool(*arguments: str | Path, given: str | None = None) -> str:
    """Run promtool; returns what it printed.

    Raises:
        AssertionError: it complains; has its words.
    """
    command = [program("promtool"), *map(str, arguments)]
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
