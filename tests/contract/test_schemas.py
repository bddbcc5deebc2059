"""The public schemas are golden files: a change of a model shows up here, and needs a new version or a reason."""

import json
from pathlib import Path

import pytest

from jobstream.contracts.schemas import MODELS, json_schema

GOLDEN = Path(__file__).parents[2] / "docs" / "reference" / "schemas"


@pytest.mark.parametrize("name", sorted(MODELS))
def test_schema_is_the_golden_one(name):
    golden = json.loads((GOLDEN / f"{name}.json").read_text())
    assert json_schema(name) == golden, (
        f"docs/reference/schemas/{name}.json is out of date. If the change is compatible, run "
        "`uv run python -m tests.contract.write_schemas`; if not, it needs a new event version."
    )


def test_no_golden_file_without_a_model():
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(MODELS)
