"""Limits, queues and job types for people's eyes."""

from collections.abc import Iterable, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from jobstream.cli.show import print_fields, print_table


def limit_table(items: list[dict[str, Any]]) -> None:
    """Many limits, one a line."""
    rows = (
        (
            item["name"],
            limit_text(item),
            item["key"] or "",
            _count(item, "running"),
            _count(item, "waiting"),
            _origin(item),
            ", ".join(item["types"]),
        )
        for item in items
    )
    _print(("name", "limit", "for each", "running", "waiting", "by", "types"), rows)


def describe_limit(item: dict[str, Any]) -> None:
    """One limit, a field a line."""
    print_fields(
        [
            ("name", item["name"]),
            ("limit", limit_text(item)),
            ("for each", item["key"] or ""),
            ("most wait", "" if item["max_waiting"] is None else str(item["max_waiting"])),
            ("by", _origin(item)),
            ("types", ", ".join(item["types"])),
            ("running", _count(item, "running")),
            ("waiting", _count(item, "waiting")),
            *(
                (
                    "fullest" if place == 0 else "",
                    f"{each['key'] or '(none)'}  {each['running']} running, {each['waiting']} waiting",
                )
                for place, each in enumerate(item["keys"])
            ),
        ]
    )


def limit_text(item: dict[str, Any]) -> str:
    """What a limit allows, in words."""
    if item["kind"] == "concurrency":
        return f"{item['limit']} at once"
    burst = "" if item["burst"] is None else f", {item['burst']} at once"
    return f"{item['limit']} in {item['period_s']:g} s{burst}"


def queue_table(items: list[dict[str, Any]]) -> None:
    """Many queues, one a line."""
    rows = (
        (
            item["name"],
            item["mode"],
            "paused" if item["paused"] else "active",
            _count(item, "depth"),
            _count(item, "waiting"),
            "?" if item["lag"] is None else str(item["lag"]),
            str(item["running"]),
            _age(item),
            item["fair_by"] or "",
        )
        for item in items
    )
    _print(("name", "mode", "state", "depth", "waiting", "lag", "running", "oldest", "fair by"), rows)


def describe_queue(item: dict[str, Any]) -> None:
    """One queue, a field a line."""
    print_fields(
        [
            ("name", item["name"]),
            ("mode", item["mode"]),
            ("state", "paused" if item["paused"] else "active"),
            ("fair by", item["fair_by"] or ""),
            ("weights", ", ".join(f"{tenant}={share:g}" for tenant, share in sorted(item["weights"].items()))),
            ("depth", _count(item, "depth")),
            ("waiting", _count(item, "waiting")),
            ("lag", "Kafka does not answer" if item["lag"] is None else str(item["lag"])),
            ("running", str(item["running"])),
            ("oldest", _age(item)),
        ]
    )


def type_table(items: list[dict[str, Any]]) -> None:
    """Many job types, one a line."""
    rows = (
        (
            item["type"],
            "paused" if item["paused"] else "active",
            item["run_in"],
            str(item["max_retries"]),
            "" if item["timeout_s"] is None else f"{item['timeout_s']:g} s",
            "; ".join(limit_text(limit) for limit in item["limits"]),
            "strict" if item["strict_order"] else "",
            item["description"] or "",
        )
        for item in items
    )
    _print(("type", "state", "runs in", "retries", "timeout", "limits", "order", "description"), rows)


def _print(names: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for place, name in enumerate(names):
        last = place == len(names) - 1
        table.add_column(name, no_wrap=not last, overflow="ellipsis" if last else "fold")
    for row in rows:
        table.add_row(*(Text(value) for value in row))
    print_table(table)


def _origin(item: dict[str, Any]) -> str:
    if item["overridden"]:
        return "operator, over handlers" if item["declared"] else "operator"
    return "handlers"


def _count(item: dict[str, Any], name: str) -> str:
    return f"{item[name]}+" if item["capped"] else str(item[name])


def _age(item: dict[str, Any]) -> str:
    return "" if item["oldest_age_s"] is None else f"{item['oldest_age_s']:.1f} s"
