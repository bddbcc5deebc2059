"""The documented telemetry events are the ones that exist, and the code emits no others."""

import re
from pathlib import Path

from jobstream.telemetry import Event

ROOT = Path(__file__).parents[2]


def test_every_event_is_documented_with_its_level_and_no_other():
    text = (ROOT / "docs" / "reference" / "telemetry.md").read_text()
    documented = dict(re.findall(r"^\| ([a-z_.]+) \| ([a-z]+) \|", text, re.MULTILINE))
    documented.pop("event", None)
    assert documented == {event.label: event.value[1] for event in Event}


def test_every_event_is_emitted_somewhere():
    code = "".join(path.read_text() for folder in ("shared", "services") for path in (ROOT / folder).rglob("*.py"))
    unused = [event.name for event in Event if f"Event.{event.name}" not in code]
    assert unused == []
