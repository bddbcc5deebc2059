"""Prometheus' and Grafana's files: they are well formed, and speak of metrics that exist."""

import json
import re
from pathlib import Path

import pytest
import yaml

from tests.docs import promql
from tests.docs.promql import OBSERVABILITY, Query
from tests.support.markdown import ROOT, rows


def test_promtool_accepts_the_configuration_and_the_alerts() -> None:
    promql.promtool("check", "config", promql.PROMETHEUS)
    promql.promtool("check", "rules", "--lint=all", "--lint-fatal", promql.ALERTS)


@pytest.mark.parametrize("query", promql.dashboard_queries() + promql.alert_queries(), ids=lambda query: query.where)
def test_queries_name_documented_metrics_and_their_labels(query: Query) -> None:
    known = promql.documented()
    assert query.metrics() - known.keys() == set()
    labels = set().union(*(known[name].labels for name in query.metrics())) | {"instance", "job", "le"}
    asked = set(re.findall(r"(\w+)=~?\"", query.expr))
    asked |= {name.strip() for by in re.findall(r"by \(([^)]*)\)", query.expr) for name in by.split(",")}
    assert asked - labels == set()


def test_dashboard_queries_are_promql(tmp_path: Path) -> None:
    rules = [
        {"record": f"query:{number}", "expr": query.filled("1m")}
        for number, query in enumerate(promql.dashboard_queries())
    ]
    file = tmp_path / "queries.yml"
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    promql.promtool("check", "rules", "--lint=none", file)


def test_the_alerts_on_the_metrics_page_are_the_ones_that_exist() -> None:
    alerts = {rule["alert"] for rule in promql.alert_rules()}
    on_page = set(re.findall(r"Jobstream[A-Za-z]+", promql.METRICS_PAGE.read_text()))
    assert on_page == alerts
    for query in promql.alert_queries():
        beside = {row[0].strip("`") for row in rows(promql.METRICS_PAGE) if f"`{query.where}`" in row[-1]}
        assert query.metrics() <= beside, query.where


def test_every_alert_says_what_it_means_and_how_bad_it_is() -> None:
    for rule in promql.alert_rules():
        assert rule["labels"]["severity"] in ("critical", "warning"), rule["alert"]
        assert rule["annotations"]["summary"], rule["alert"]
        assert rule["annotations"]["description"], rule["alert"]


def test_dashboard_panels_lie_side_by_side() -> None:
    panels = promql.dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: dict[tuple[int, int], str] = {}
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert (x, y) not in taken, f"{panel['title']} lies on {taken[x, y]}"
                taken[x, y] = panel["title"]


def test_dashboard_asks_the_data_source_that_was_chosen() -> None:
    wanted = {"type": "prometheus", "uid": "${datasource}"}
    for panel in promql.dashboard()["panels"]:
        if panel["type"] != "row":
            assert [panel["datasource"], *(t["datasource"] for t in panel["targets"])] == [wanted] * (
                1 + len(panel["targets"])
            ), panel["title"]
            assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]


def test_the_data_source_is_the_prometheus_of_the_profile() -> None:
    provisioned = yaml.safe_load((OBSERVABILITY / "grafana/provisioning/datasources/prometheus.yml").read_text())
    (source,) = provisioned["datasources"]
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    scrape = yaml.safe_load(promql.PROMETHEUS.read_text())
    assert source["url"] == "http://prometheus:9090"
    assert "prometheus" in compose["services"]
    assert source["jsonData"]["timeInterval"] == scrape["global"]["scrape_interval"]
    assert source["isDefault"]
