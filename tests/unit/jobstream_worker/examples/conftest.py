import pytest


@pytest.fixture
def files(tmp_path, monkeypatch):
    """The folder of the example handlers, empty."""
    folder = tmp_path / "files"
    folder.mkdir()
    monkeypatch.setenv("JOBSTREAM_EXAMPLES_DIR", str(folder))
    return folder
