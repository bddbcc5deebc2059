"""Schedules for people's eyes."""

from typing import Any

import orjson
from rich.table import Table
from rich.text import Text

from jobstream.cli.show import print_fields, print_table

SHOWN = 5


def schedule_table(items: list[dict[str, Any]]) -> None:
    """Many schedules, one a line."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("name", "cron", "timezone", "next", "overlap", "job"):
        table.add_column(name, no_wrap=True, overflow="fold")
    for item in items:
        following = "paused" if item["paused"] else _time(item["next_at"])
        row = (item["name"], item["cron"], item["timezone"], following, item["overlap"], _type(item["job"]))
        table.add_row(*(Text(value) for value in row))
    print_table(table)


def describe_schedule(item: dict[str, Any]) -> None:
    """One schedule, a field a line."""
    print_fields(_fields(item))


def fire_line(fire: dict[str, Any]) -> str:
    """What became of one tick, in a line."""
    return f"{fire['tick']}  {fire['status']:<7}  {fire['job_id'] or fire['reason'] or ''}".rstrip()


def _fields(item: dict[str, Any]) -> list[tuple[str, str | Text]]:
    missed = item["missed"] + (f", up to {item['missed_window_s']:g} s old" if item["missed"] == "all" else "")
    return [
        ("name", item["name"]),
        ("id", item["id"]),
        ("cron", f"{item['cron']}  in {item['timezone']}"),
        ("state", "paused" if item["paused"] else "active"),
        ("overlap", item["overlap"]),
        ("missed", missed),
        ("job", orjson.dumps(item["job"]).decode()),
        ("waiting", str(item["waiting"] or "")),
        ("last", fire_line(item["last_fire"]) if item["last_fire"] else ""),
        *(("next" if place == 0 else "", _time(tick)) for place, tick in enumerate(item["next_fires"][:SHOWN])),
    ]


def _type(job: dict[str, Any]) -> str:
    return str(job.get("type") or job["payload"].get("task", ""))


def _time(at: str | None) -> str:
    return "" if at is None else at.replace("T", " ")
