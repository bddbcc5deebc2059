"""Commands that are imported only when they run.

The library's own commands are named here by module; an installed service brings its commands through
the entry-point group ``jobstream.commands``, so the library never imports a service by name.
"""

from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

GROUP = "jobstream.commands"

OWN = {
    "up": "jobstream.cli.up:up",
    "demo": "jobstream.cli.demo.command:demo",
    "new": "jobstream.cli.new.command:new",
    "topics": "jobstream.cli.topics:topics",
    "doctor": "jobstream.cli.doctor:doctor",
    "submit": "jobstream.cli.jobs:submit",
    "get": "jobstream.cli.jobs:get",
    "list": "jobstream.cli.jobs:list_jobs",
    "watch": "jobstream.cli.jobs:watch",
    "cancel": "jobstream.cli.cancel:cancel",
    "reschedule": "jobstream.cli.cancel:reschedule",
    "retry": "jobstream.cli.jobs:retry",
    "schedules": "jobstream.cli.schedules:schedules",
    "limits": "jobstream.cli.limits:limits",
    "queues": "jobstream.cli.queues:queues",
    "types": "jobstream.cli.job_types:types",
    "bench": "jobstream.cli.bench.command:bench",
    "asyncapi": "jobstream.cli.documents:asyncapi",
    "version": "jobstream.cli.documents:version",
}
"""The library's own commands, in the order that ``--help`` shows them."""


class LazyGroup(TyperGroup):
    """Finds a command by its name, and imports it only then."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The library's commands, then the services', by name."""
        return [*OWN, *sorted(point.name for point in entry_points(group=GROUP) if point.name not in OWN)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name, imported now; None if nobody brings it."""
        place = OWN.get(cmd_name)
        if place is not None:
            module, _, name = place.partition(":")
            return as_command(cmd_name, getattr(import_module(module), name))
        for point in entry_points(group=GROUP, name=cmd_name):
            return _load(point)
        return None


def _load(point: EntryPoint) -> Any:
    return as_command(point.name, point.load())


def as_command(name: str, thing: Any) -> Any:
    """A Typer app as a group of commands, a function as one command."""
    if isinstance(thing, typer.Typer):
        group = get_group(thing)
        group.name = name
        return group
    single = typer.Typer(add_completion=False)
    single.command(name)(thing)
    return get_command(single)
