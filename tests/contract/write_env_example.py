"""Writes .env.example anew: `uv run python -m tests.contract.write_env_example`."""

import textwrap
from pathlib import Path

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from jobstream.settings import Settings
from jobstream_api.settings import ApiSettings
from jobstream_worker.settings import WorkerSettings

EXAMPLE = Path(__file__).parents[2] / ".env.example"

HEAD = """\
# Settings of every jobstream process. Copy this file to .env and take the # from what you change;
# variables of the environment win over it. docs/reference/settings.md has the same as a table.
# `jobstream up` sets addresses and ports by itself.
"""


def _value(field: FieldInfo) -> str:
    value = field.default
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, tuple):
        value = ",".join(value)
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _section(title: str, fields: dict[str, FieldInfo]) -> str:
    parts = [f"\n# --- {title} ---\n"]
    for name, field in fields.items():
        meaning = textwrap.fill(field.description or "", 110, initial_indent="# ", subsequent_indent="# ")
        parts.append(f"\n{meaning}\n#JOBSTREAM_{name.upper()}={_value(field)}\n")
    return "".join(parts)


def env_example() -> str:
    """The file as the settings classes have it."""
    shared = set(Settings.model_fields)
    parts = [HEAD, _section("every process", dict(Settings.model_fields))]
    for title, model in (("api", ApiSettings), ("worker", WorkerSettings)):
        own = {name: field for name, field in model.model_fields.items() if name not in shared}
        parts.append(_section(title, own))
    return "".join(parts)


if __name__ == "__main__":
    EXAMPLE.write_text(env_example())
