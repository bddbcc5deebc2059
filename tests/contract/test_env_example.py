""".env.example lists every setting with its default, and its defaults are ones that are taken."""

import pytest

from jobstream.settings import Settings
from jobstream_api.settings import ApiSettings
from jobstream_worker.settings import WorkerSettings
from tests.contract.write_env_example import EXAMPLE, env_example


def test_the_example_is_up_to_date():
    assert EXAMPLE.read_text() == env_example(), "run `uv run python -m tests.contract.write_env_example`"


@pytest.mark.parametrize("model", [Settings, ApiSettings, WorkerSettings])
def test_with_every_line_taken_it_says_the_defaults(model, tmp_path, monkeypatch):
    for name in model.model_fields:
        monkeypatch.delenv(f"JOBSTREAM_{name.upper()}", raising=False)
    lines = [line.removeprefix("#") for line in EXAMPLE.read_text().splitlines() if line.startswith("#JOBSTREAM_")]
    file = tmp_path / ".env"
    file.write_text("\n".join(line for line in lines if not line.endswith("=")) + "\n")
    assert model(_env_file=file) == model(_env_file=None)
