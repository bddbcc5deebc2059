"""Payloads against the JSON Schema of their type."""

from typing import Any

import jsonschema_rs
from jsonschema_rs import ValidationErrorKind as Kind

from jobstream.errors import InvalidInput

_MAX_DETAIL = 500


class SchemaRefused(ValueError):
    """This is no JSON Schema, or it refers to another document."""


class PayloadSchema:
    """A compiled schema. Never fetches what a ``$ref`` points to; formats are not checked."""

    def __init__(self, schema: dict[str, Any]) -> None:
        """Compile.

        Raises:
            SchemaRefused: it cannot be compiled.
        """
        try:
            self._validator = jsonschema_rs.validator_for(schema, offline=True, mask="the value")
        except Exception as error:
            raise SchemaRefused(str(error).splitlines()[0] if str(error) else repr(error)) from error

    def check(self, payload: dict[str, Any], field: str = "/payload") -> None:
        """Refuse a payload that does not fit.

        Args:
            field: where the payload stands in the document, as a JSON Pointer.

        Raises:
            InvalidInput: ``invalid_payload``, with the place inside the payload.
        """
        if self._validator.is_valid(payload):
            return
        error = next(iter(self._validator.iter_errors(payload)), None)
        if error is None:
            return
        path = [*error.instance_path, *_culprit(error.kind)]
        pointer = field + "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)
        raise InvalidInput("invalid_payload", pointer[:1000], error.message[:_MAX_DETAIL])


def _culprit(kind: Kind) -> list[str]:
    """The member that is missing or too many; the error itself points at the object around it."""
    match kind:
        case Kind.Required():
            return [kind.property]
        case Kind.AdditionalProperties() | Kind.UnevaluatedProperties():
            return list(kind.unexpected[:1])
        case _:
            return []
