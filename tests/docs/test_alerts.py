"""Each alert fires at the series that it is for, and at nothing milder."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.docs import promql

API = '{instance="api:8000", job="jobstream-api"}'
WORKER = '{instance="worker:9464", job="jobstream-worker"}'
ENDED = "jobstream_run_outcomes_total"

Series = dict[str, str]
"""Series to values, a sample a minute, in promtool's short form: `0+2x9` counts up by 2."""


@dataclass(frozen=True)
class Case:
    """When an alert fires, and when it does not.

    Attributes:
        after: minutes from the first sample.
    """

    fires: Series
    calm: Series
    after: int


def event(name: str, values: str) -> Series:
    return {f'jobstream_telemetry_events_total{{event="{name}", instance="api:8000"}}': values}


def outcomes(**values: str) -> Series:
    return {f'{ENDED}{{type="email.send", status="{status}"}}': each for status, each in values.items()}


CASES = {
    "JobstreamNoApi": Case({}, {f"jobstream_leader{API}": "0x10"}, 2),
    "JobstreamNoLeader": Case(
        {f"jobstream_leader{API}": "0x10"},
        {f"jobstream_leader{API}": "0x10", 'jobstream_leader{instance="b"}': "1x10"},
        2,
    ),
    "JobstreamNoWorker": Case({}, {f"jobstream_worker_concurrency{WORKER}": "100x10"}, 3),
    "JobstreamTargetDown": Case({f"up{WORKER}": "0x10"}, {f"up{WORKER}": "1x10", 'up{job="other"}': "0x10"}, 3),
    "JobstreamLoopStuck": Case(
        {'jobstream_loop_last_success_age_seconds{loop="relay"}': "61+60x10"},
        {'jobstream_loop_last_success_age_seconds{loop="relay"}': "59x10"},
        3,
    ),
    "JobstreamLoopCrashes": Case(event("service.crashed", "0+1x20"), event("service.crashed", "0 1x20"), 12),
    "JobstreamOutboxStuck": Case(
        {"jobstream_outbox_oldest_age_seconds": "61+60x10"}, {"jobstream_outbox_oldest_age_seconds": "5x10"}, 3
    ),
    "JobstreamStatusBehind": Case(
        {"jobstream_applier_lag_records": "10001x20"}, {"jobstream_applier_lag_records": "20000x3 9000x20"}, 7
    ),
    "JobstreamIntakeBehind": Case(
        {"jobstream_intake_lag_records": "250001x20"}, {"jobstream_intake_lag_records": "249999x20"}, 7
    ),
    "JobstreamJobsWait": Case(
        {"jobstream_oldest_waiting_age_seconds": "301x20"}, {"jobstream_oldest_waiting_age_seconds": "299x20"}, 7
    ),
    "JobstreamWorkersFull": Case(
        {
            "jobstream_worker_running": "100x30",
            "jobstream_worker_concurrency": "100x30",
            'jobstream_queue_lag_records{queue="default"}': "50x30",
        },
        {
            "jobstream_worker_running": "100x30",
            "jobstream_worker_concurrency": "100x30",
            'jobstream_queue_lag_records{queue="default"}': "0x30",
        },
        17,
    ),
    "JobstreamWorkerCannotReport": Case(
        {f"jobstream_worker_oldest_unacknowledged_seconds{WORKER}": "31x10"},
        {f"jobstream_worker_oldest_unacknowledged_seconds{WORKER}": "2x10"},
        3,
    ),
    "JobstreamJobsFail": Case(
        outcomes(COMPLETED="0+80x40", FAILED="0+20x40"), outcomes(COMPLETED="0+95x40", FAILED="0+5x40"), 25
    ),
    "JobstreamRetryStorm": Case(
        outcomes(COMPLETED="0+10x40", RETRYING="0+30x40"), outcomes(COMPLETED="0+30x40", RETRYING="0+10x40"), 30
    ),
    "JobstreamLeasesExpire": Case(
        {f"jobstream_leases_expired_total{API}": "0 0 1x20"}, {f"jobstream_leases_expired_total{API}": "7x20"}, 5
    ),
    "JobstreamDeadLetters": Case(event("record.dead_lettered", "0 0 1x20"), event("record.dead_lettered", "3x20"), 5),
    "JobstreamLoopBlocked": Case(event("loop.blocked", "0+1x20"), event("loop.blocked", "0 1 2x20"), 12),
    "JobstreamHandlersAbandoned": Case(event("handler.abandoned", "0 0 1x20"), event("handler.abandoned", "1x20"), 5),
    "JobstreamDatabaseTrouble": Case(event("database.trouble", "0+5x20"), event("database.trouble", "0+1x20"), 10),
    "JobstreamOffsetsRestored": Case(event("offsets.restored", "0 0 1x20"), event("offsets.restored", "0x20"), 5),
}


def firing(alert: str, series: Series, after: int, expected: int) -> dict[str, Any]:
    return {
        "name": f"{alert} {'fires' if expected else 'is calm'}",
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": f'count(ALERTS{{alertname="{alert}", alertstate="firing"}}) or vector(0)',
                "eval_time": f"{after}m",
                "exp_samples": [{"labels": "{}", "value": expected}],
            }
        ],
    }


def test_every_alert_has_a_case() -> None:
    assert CASES.keys() == {rule["alert"] for rule in promql.alert_rules()}


def test_alerts_fire_when_they_should_and_only_then(tmp_path: Path) -> None:
    tests = [
        firing(alert, series, case.after, expected)
        for alert, case in CASES.items()
        for series, expected in ((case.fires, 1), (case.calm, 0))
    ]
    file = tmp_path / "alerts_test.yml"
    file.write_text(json.dumps({"rule_files": [str(promql.ALERTS)], "evaluation_interval": "15s", "tests": tests}))
    promql.promtool("test", "rules", file)
