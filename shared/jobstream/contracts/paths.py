"""Paths into a payload: singular queries of RFC 9535, so far as they are made of plain names and indices."""

import re
from typing import Any

PATTERN = re.compile(r"^\$(\.[A-Za-z_][A-Za-z0-9_-]*|\[[0-9]{1,9}\])+$")
_STEPS = re.compile(r"\.([A-Za-z_][A-Za-z0-9_-]*)|\[([0-9]+)\]")


class _Missing:
    """What is found where nothing is."""


MISSING = _Missing()


def find(path: str, payload: Any) -> Any:
    """What lies at ``path``, which fits ``PATTERN`` or is ``$``, the whole; ``MISSING`` where nothing does."""
    found = payload
    for member, index in _STEPS.findall(path):
        if member:
            found = found.get(member, MISSING) if isinstance(found, dict) else MISSING
        else:
            found = found[int(index)] if isinstance(found, list) and int(index) < len(found) else MISSING
    return found


def pointer(path: str) -> str:
    """The same place as a JSON Pointer (RFC 6901): ``/ids/0`` for ``$.ids[0]``."""
    return "".join(f"/{member or index}" for member, index in _STEPS.findall(path))
