"""The limits on input that hold at every door, and the strict JSON reading behind them.

What PostgreSQL's jsonb, or another language's JSON reader, would refuse or read differently is
refused here: NUL, lone surrogates, NaN and Infinity, numbers beyond I-JSON (RFC 7493), duplicate
keys, deep nesting. orjson does the common case; only what looks odd is read a second time, slowly,
to be refused with the place and the fix.
"""

import dataclasses
import json
import math
import re
from collections.abc import Callable
from datetime import date, time
from enum import Enum
from typing import Any
from uuid import UUID

import orjson

from jobstream.errors import InvalidInput

MAX_BODY_BYTES = 1024 * 1024
MAX_BATCH_BODY_BYTES = 32 * 1024 * 1024
MAX_PAYLOAD_BYTES = 256 * 1024
MAX_RESULT_BYTES = 256 * 1024
MAX_RECORD_BYTES = MAX_BODY_BYTES
MAX_DEPTH = 64
MAX_SAFE_INTEGER = 2**53 - 1
MAX_BATCH_JOBS = 10_000
MAX_KEY_LENGTH = 255
MAX_TAGS = 20
MAX_ERROR_LENGTH = 8_000

_FOLDED = bytes(ord("0") if byte in b"0123456789" else ord(" ") if byte in b" \t\r\n" else byte for byte in range(256))
_LONG_NUMBER = b"0" * 16
_APART = re.compile(rb'"\s+:')
_SCALARS = frozenset({str, int, float, bool, type(None)})
_SURROGATES = re.compile("[\ud800-\udfff]")
_OF_A_PAYLOAD = re.compile(r"(/job|/jobs/\d+)?/payload/")
"""Where the sender may choose another type of value; a field of ours takes what it takes."""


def parse_json(raw: bytes, *, max_bytes: int = MAX_BODY_BYTES, free: bool = False) -> Any:
    """Read one JSON document under the limits.

    Args:
        raw: UTF-8 bytes.
        max_bytes: more than this is refused unread.
        free: any value may stand anywhere in it, as in a result; else only in payloads. Advice depends on it.

    Raises:
        InvalidInput: with code ``body_too_large``, ``invalid_json``, ``too_deep``,
            ``invalid_string``, ``invalid_number`` or ``duplicate_key``, and the field.
    """
    if len(raw) > max_bytes:
        raise InvalidInput("body_too_large", "", f"{len(raw)} bytes, at most {max_bytes} are taken; send less")
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        _parse_slowly(raw, free)
        raise InvalidInput("invalid_json", "", f"this is no JSON: {error}") from None
    keys = _count_keys(document, 0)
    if keys < 0 or raw.count(b'":') != keys or _looks_odd(raw):
        return _parse_slowly(raw, free)
    return document


def _looks_odd(raw: bytes) -> bool:
    """True if NUL, a number of 16 digits, or space between a key and its colon may be in it.

    Searching for fixed bytes takes a fifth of what a regular expression for the same takes.
    """
    if b"\\" in raw and b"\\u0000" in raw:  # to look for a single byte costs next to nothing
        return True
    folded = raw.translate(_FOLDED)
    return _LONG_NUMBER in folded or (b" " in folded and b" :" in folded and _APART.search(raw) is not None)


def _count_keys(node: Any, depth: int) -> int:
    """Keys in all objects of the tree, or -1 if it nests deeper than MAX_DEPTH."""
    if type(node) is dict:
        total = len(node)
        children: Any = node.values()
    elif type(node) is list:
        total = 0
        children = node
    else:
        return 0
    if depth >= MAX_DEPTH:
        return -1
    for child in children:
        if type(child) is dict or type(child) is list:
            inside = _count_keys(child, depth + 1)
            if inside < 0:
                return -1
            total += inside
    return total


class _Pairs(list[tuple[str, Any]]):
    """An object as the slow reader sees it: pairs in order, duplicates kept."""


class _Refused:
    """Stands where a number was that no reader agrees on.

    Attributes:
        instead: what to send where any value fits.
    """

    def __init__(self, detail: str, instead: str) -> None:
        self.detail = detail
        self.instead = instead


def _parse_int(digits: str) -> Any:
    if len(digits) > 17 or abs(int(digits)) > MAX_SAFE_INTEGER:
        return _Refused(
            f"the integer is beyond +-(2^53 - 1), where JSON readers disagree ({len(digits)} digits)",
            "send it as a string",
        )
    return int(digits)


def _parse_float(digits: str) -> Any:
    value = float(digits)
    return value if math.isfinite(value) else _Refused("the number is beyond a double", "send it as a string")


def _parse_slowly(raw: bytes, free: bool) -> Any:
    """Read with every check and refuse with the place; returns the document if it is fine."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(
            "invalid_json", "", f"byte {error.start} is not UTF-8; encode the document in UTF-8"
        ) from None
    if not text.strip():
        raise InvalidInput("invalid_json", "", "the document is empty; send a JSON object")
    try:
        tree = json.loads(
            text,
            object_pairs_hook=_Pairs,
            parse_int=_parse_int,
            parse_float=_parse_float,
            parse_constant=lambda name: _Refused(f"{name} is not JSON", "send null or a string"),
        )
    except RecursionError:
        raise InvalidInput("too_deep", "", f"nests deeper than {MAX_DEPTH} levels; flatten it") from None
    except ValueError as error:
        raise InvalidInput("invalid_json", "", f"this is no JSON: {error}") from None
    return _checked(tree, "", 0, free)


def _checked(node: Any, path: str, depth: int, free: bool) -> Any:
    if isinstance(node, _Refused):
        detail = f"{node.detail}; {node.instead}" if free or _OF_A_PAYLOAD.match(path) else node.detail
        raise InvalidInput("invalid_number", path, detail)
    if isinstance(node, str):
        check_text(node, path)
        return node
    if isinstance(node, (list, _Pairs)) and depth >= MAX_DEPTH:
        # The path of such a thing is as deep as the thing: name its beginning only.
        raise InvalidInput("too_deep", path[:100], f"nests deeper than {MAX_DEPTH} levels; flatten it")
    if isinstance(node, _Pairs):
        seen: dict[str, Any] = {}
        for key, value in node:
            here = f"{path}/{key.replace('~', '~0').replace('/', '~1')}"
            if key in seen:
                raise InvalidInput("duplicate_key", here, "the key stands twice in one object; keep one")
            check_text(key, here)
            seen[key] = _checked(value, here, depth + 1, free)
        return seen
    if isinstance(node, list):
        return [_checked(value, f"{path}/{index}", depth + 1, free) for index, value in enumerate(node)]
    return node


def check_text(text: str, field: str) -> None:
    """Refuse what neither UTF-8 nor PostgreSQL can hold: NUL and lone surrogates.

    Raises:
        InvalidInput: with code ``invalid_string``.
    """
    if "\0" in text:
        raise InvalidInput(
            "invalid_string", _printable(field), "contains NUL (\\u0000), which cannot be stored; remove it"
        )
    if _SURROGATES.search(text):
        raise InvalidInput(
            "invalid_string", _printable(field), "contains a lone surrogate, which is no Unicode text; remove it"
        )


def _printable(field: str) -> str:
    return _SURROGATES.sub("�", field.replace("\0", "�"))


def dump_json(
    value: Any, *, what: str, field: str, max_bytes: int, default: Callable[[Any], Any] | None = None
) -> bytes:
    """Write ``value`` as JSON under the same limits.

    Args:
        default: turns an object that JSON does not know into one it does, or raises TypeError.

    Raises:
        InvalidInput: it is no JSON value, too large, or holds what ``parse_json`` refuses.
    """
    try:
        raw = orjson.dumps(value, default=default)
    except (TypeError, orjson.JSONEncodeError) as error:
        raise InvalidInput("invalid_json", field, f"the {what} is no JSON value: {error.__cause__ or error}") from None
    if len(raw) > max_bytes:
        raise InvalidInput(
            f"{what}_too_large",
            field,
            f"the {what} has {len(raw)} bytes, at most {max_bytes} are taken; store it elsewhere and send a reference",
        )
    # Anything but a flat object may nest too deep, or hold an orjson.Fragment, which may be no JSON at all.
    if type(value) is not dict or not _SCALARS.issuperset(map(type, value.values())) or _looks_odd(raw):
        try:
            parse_json(raw, max_bytes=max_bytes, free=True)
        except InvalidInput as error:
            raise InvalidInput(error.code, field + error.field, error.detail) from None
    if b"null" in raw:  # orjson writes NaN and Infinity as null
        _refuse_nan(value, field, default)
    return raw


def _refuse_nan(node: Any, path: str, default: Callable[[Any], Any] | None) -> None:
    """Walk what orjson wrote and refuse the floats that JSON has no word for."""
    if isinstance(node, float):
        if not math.isfinite(node):
            raise InvalidInput("invalid_number", path, f"{node} is not JSON; send null or a string")
    elif isinstance(node, dict):
        for key, value in node.items():
            _refuse_nan(value, f"{path}/{key}", default)
    elif isinstance(node, list | tuple):
        for index, value in enumerate(node):
            _refuse_nan(value, f"{path}/{index}", default)
    elif dataclasses.is_dataclass(node):
        for member in dataclasses.fields(node):
            _refuse_nan(getattr(node, member.name), f"{path}/{member.name}", default)
    elif isinstance(node, Enum):
        _refuse_nan(node.value, path, default)
    elif default is not None and not isinstance(node, str | int | date | time | UUID | None):
        _refuse_nan(default(node), path, default)
