"""What the packages offer is there, though much of it is imported only when it is asked for."""

from importlib import import_module

import pytest


@pytest.mark.parametrize("package", ["jobstream", "jobstream.client"])
def test_every_public_name_is_listed_and_there(package):
    module = import_module(package)
    assert set(module.__all__) <= set(dir(module))
    for name in module.__all__:
        assert getattr(module, name).__name__ == name


@pytest.mark.parametrize("package", ["jobstream", "jobstream.client"])
def test_a_misspelt_name_is_named(package):
    with pytest.raises(ImportError, match="'Kafkaclient'"):
        exec(f"from {package} import Kafkaclient")
