"""What the series gave, for people's eyes."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from jobstream.cli.bench.series import Series


def report(series: Sequence[Series], console: Console) -> None:
    """Print one line a series, and what was not as it should be."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("door", no_wrap=True)
    for name in ("jobs", "taken/s", "done/s", "p50 ms", "p99 ms"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in series:
        told = one.document()
        rates = (told["taken_per_s"], told["done_per_s"])
        times = (told["latency_p50_ms"], told["latency_p99_ms"])
        table.add_row(
            one.door,
            f"{told['jobs']:,}",
            *("-" if rate is None else f"{rate:,.0f}" for rate in rates),
            *("-" if time is None else f"{time:,.1f}" for time in times),
        )
    console.print(table)
    for one in series:
        if not one.right:
            ended = ", ".join(f"{count:,} {status}" for status, count in sorted(one.ended.items()))
            console.print(
                f"{one.door}: of {len(one.ids):,} jobs {ended}; {one.wrong:,} with a wrong result", style="red"
            )
