"""Writes YAML. Only writes, and only what JSON has, so it needs no library: scalars stay JSON, which is YAML."""

import json
import re
from typing import Any

_PLAIN_KEY = re.compile(r"^[A-Za-z_$][A-Za-z0-9_./$-]*$")
_RESERVED = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}


def to_yaml(document: Any) -> str:
    """A JSON document as YAML, one field a line."""
    return "\n".join(_lines(document, 0)) + "\n"


def _lines(node: Any, depth: int) -> list[str]:
    indent = "  " * depth
    lines: list[str] = []
    if isinstance(node, dict) and node:
        for key, value in node.items():
            lines += _entry(f"{indent}{_key(key)}:", value, depth + 1)
        return lines
    if isinstance(node, list) and node:
        for value in node:
            inner = _lines(value, depth + 1)
            lines += [f"{indent}- {inner[0].lstrip()}", *inner[1:]]
        return lines
    return [f"{indent}{json.dumps(node, ensure_ascii=False)}"]


def _entry(head: str, value: Any, depth: int) -> list[str]:
    if isinstance(value, (dict, list)) and value:
        return [head, *_lines(value, depth)]
    return [f"{head} {json.dumps(value, ensure_ascii=False)}"]


def _key(key: str) -> str:
    return key if _PLAIN_KEY.fullmatch(key) and key.lower() not in _RESERVED else json.dumps(key, ensure_ascii=False)
