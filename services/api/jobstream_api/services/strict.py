"""Documents of settings."""

from typing import Self

from jobstream.contracts.jobs import Contract
from jobstream.errors import InvalidInput


class Strict(Contract):
    """A contract whose unknown fields are mistakes: who ignores one does otherwise than meant."""

    @classmethod
    def read(cls, document: object) -> Self:
        if isinstance(document, dict):
            known = [field.alias or name for name, field in cls.model_fields.items()]
            for name in document:
                if name not in known:
                    raise InvalidInput(
                        "unknown_field", f"/{name}"[:300], f"there is no such field; known are: {', '.join(known)}"
                    )
        return super().read(document)
