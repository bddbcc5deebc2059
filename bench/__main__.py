"""`make bench`: jobstream's figures against a cluster of its own (or `--api`, `--kafka`, `--database`), one table.

Every run is checked too: each job is one row, COMPLETED, with the right result; else the run fails.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

import uvloop

from bench import machine, report
from bench.figures import Figure, number
from bench.place import named_place
from bench.runner import Runner
from bench.scenario import Scenario
from bench.scenarios import ALL


def options() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    what = parser.add_argument_group("what")
    what.add_argument("--list", action="store_true", help="show the scenarios and their targets")
    what.add_argument("--only", metavar="NAMES", help="these scenarios, comma-separated")
    what.add_argument("--all", action="store_true", help="also the long ones: two hours")
    what.add_argument(
        "--peers",
        nargs="?",
        const="",
        metavar="NAMES",
        help="also measure others: all, or these (then of ours `single` alone)",
    )
    how = parser.add_argument_group("how")
    how.add_argument("--scale", type=float, default=1.0, help="how much of the full load (default 1)")
    how.add_argument(
        "--rounds", type=int, default=3, help="rounds of each rate, of which the median counts (default 3)"
    )
    how.add_argument("--hold", type=float, default=600.0, help="seconds that the snapshot is held (default 600)")
    how.add_argument("--calm", type=float, default=120.0, help="seconds to wait for a calm machine (default 120)")
    how.add_argument("--no-write", action="store_true", help="leave bench/results and the page as they are")
    where = parser.add_argument_group("where")
    where.add_argument("--broker", help="kafka or HOST:PORT, for a cluster of its own")
    where.add_argument("--api", help="an api that runs already; then --kafka and --database too")
    where.add_argument("--kafka", default="127.0.0.1:9092")
    where.add_argument("--database", default="")
    return parser


def chosen(given: argparse.Namespace) -> list[Scenario]:
    """The scenarios that were asked for.

    Raises:
        SystemExit: one is not there.
    """
    if given.only is None and not given.peers:
        return [scenario for scenario in ALL if scenario.quick or given.all]
    names = [name for name in (given.only or "single").split(",") if name]
    known = {scenario.name: scenario for scenario in ALL}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SystemExit(f"no scenario {unknown[0]!r}; there are {', '.join(known)}")
    return [scenario for scenario in ALL if scenario.name in names]


def list_all() -> None:
    """Print every scenario with its lines and their targets."""
    for scenario in ALL:
        print(f"{scenario.name}{'' if scenario.quick else '  (by name or with --all)'}")
        for line in scenario.lines.values():
            target = f": {line.target.text(line.unit)}" if line.target is not None else f", {line.unit}"
            print(f"    {line.what}{target}")


async def main(given: argparse.Namespace) -> int:
    """Run, print and keep. Returns the exit code: 1 if a run was not right."""
    busy = not await machine.calm(given.calm)
    about: dict[str, Any] = machine.describe()
    if busy:
        _tell(f"the machine is busy (load average {about['load_average']}): these figures say little, and are not kept")
    if given.api and given.peers is not None:
        raise SystemExit("--peers needs a cluster of its own, so it does not go with --api")
    place = named_place(given.api, given.kafka, given.database) if given.api else None
    runner = Runner(
        place,
        given.broker,
        scale=given.scale,
        rounds=given.rounds,
        hold_s=given.hold,
        tell=_tell,
        seen=_tell_figure,
    )
    peers = None
    if given.peers is not None:
        from bench.peers.compare import Compare

        peers = Compare(runner.figures, [name for name in given.peers.split(",") if name]).run
    await runner.run(chosen(given), peers)
    about |= runner.versions
    report.show(runner.figures, about)
    if not (given.no_write or busy or place is not None or given.scale < 1):
        file = report.keep(runner.figures, runner.failures, about, {"scale": given.scale, "hold_s": given.hold})
        report.write_page()
        _tell(f"raw data: {file.relative_to(report.ROOT)}; page: {report.PAGE.relative_to(report.ROOT)}")
    for failure in runner.failures:
        _tell(f"FAILED: {failure}")
    return 1 if runner.failures else 0


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _tell_figure(figure: Figure) -> None:
    _tell(f"  {figure.what}: {number(figure.value)} {figure.unit}")


def run(arguments: Sequence[str]) -> int:
    """The program."""
    given = options().parse_args(arguments)
    if given.list:
        list_all()
        return 0
    return uvloop.run(main(given))


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
