"""The settings' reference is generated, complete, and says something about each."""

from jobstream_api.settings import ApiSettings
from jobstream_worker.examples.settings import ExampleSettings
from jobstream_worker.settings import WorkerSettings
from tests.contract.write_reference import REFERENCE, settings_reference


def test_the_reference_is_up_to_date():
    written = (REFERENCE / "settings.md").read_text()
    assert written == settings_reference(), "run `uv run python -m tests.contract.write_reference`"


def test_every_setting_says_what_it_means():
    for model in (ApiSettings, WorkerSettings, ExampleSettings):
        silent = [name for name, field in model.model_fields.items() if not field.description]
        assert silent == []
