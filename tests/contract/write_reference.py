"""Writes the generated references anew: `uv run python -m tests.contract.write_reference`."""

from pathlib import Path
from typing import get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from jobstream.settings import Settings
from jobstream_api.settings import ApiSettings
from jobstream_worker.examples.settings import ExampleSettings
from jobstream_worker.settings import WorkerSettings

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"

HEAD = """# Settings

Every setting is an environment variable; a file `.env` in the working directory is read too, and the environment wins.
Made from the settings classes; do not edit by hand.
"""


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return "see there"
    value = field.default
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, tuple):
        value = ",".join(value)
    return "unset" if value is None else f"`{value}`" if value != "" else "empty"


def _choices(field: FieldInfo) -> str:
    choices = [choice for choice in get_args(field.annotation) if isinstance(choice, str)]
    return f" One of {', '.join(f'`{choice}`' for choice in choices)}." if choices else ""


def _table(title: str, fields: dict[str, FieldInfo]) -> str:
    rows = [
        f"| `JOBSTREAM_{name.upper()}` | {_default(field)} | {field.description}{_choices(field)} |"
        for name, field in fields.items()
    ]
    return "\n".join([f"\n## {title}\n", "| variable | default | meaning |", "| --- | --- | --- |", *rows]) + "\n"


def settings_reference() -> str:
    """docs/reference/settings.md as the classes have it."""
    shared = set(Settings.model_fields)
    parts = [HEAD, _table("Every process", dict(Settings.model_fields))]
    for title, model in (("Api", ApiSettings), ("Worker", WorkerSettings), ("Example handlers", ExampleSettings)):
        own = {name: field for name, field in model.model_fields.items() if name not in shared}
        parts.append(_table(title, own))
    return "".join(parts)


if __name__ == "__main__":
    (REFERENCE / "settings.md").write_text(settings_reference())
