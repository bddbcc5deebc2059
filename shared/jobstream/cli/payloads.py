"""Job types and payloads as people give them on a command line."""

import sys
from pathlib import Path
from typing import Any

import orjson

from jobstream.cli.output import Exit, fail


def type_and_payload(type_or_payload: str, payload: str | None) -> tuple[str | None, dict[str, Any]]:
    """A job's type and payload; the type is None if the payload names it."""
    if payload is None and type_or_payload.lstrip()[:1] in ("{", "@", "-"):
        return None, read_payload(type_or_payload)
    return type_or_payload, read_payload(payload or "{}")


def read_payload(text: str) -> dict[str, Any]:
    """A payload from JSON, ``@FILE``, or ``-`` for stdin; what is none ends the command."""
    try:
        if text == "-":
            raw = sys.stdin.buffer.read()
        elif text.startswith("@"):
            raw = Path(text[1:]).read_bytes()
        else:
            raw = text.encode()
        document = orjson.loads(raw)
    except OSError as error:
        fail(f"the payload cannot be read: {error}", Exit.USAGE)
    except orjson.JSONDecodeError as error:
        fail(f"the payload is no JSON: {error}", Exit.USAGE)
    if not isinstance(document, dict):
        fail("the payload must be a JSON object", Exit.USAGE)
    return document
