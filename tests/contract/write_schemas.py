"""Writes the golden schemas anew: `uv run python -m tests.contract.write_schemas`."""

import json

from jobstream.contracts.schemas import MODELS, json_schema
from tests.contract.test_schemas import GOLDEN

if __name__ == "__main__":
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for name in MODELS:
        (GOLDEN / f"{name}.json").write_text(json.dumps(json_schema(name), indent=2) + "\n")
