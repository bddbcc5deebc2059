"""The control topic: what the api tells every worker. Between jobstream's own processes.

Keyed by job id, or by the word `gates`. Workers read it from its beginning when they start.
"""

from typing import Literal

from pydantic import Field

from jobstream.contracts.jobs import Contract, Identifier, Moment

GATES_KEY = b"gates"


class CancelOrder(Contract):
    """End the runs of a job, and do not start it."""

    control: Literal["cancel"] = "cancel"
    id: Identifier
    dispatch: int = Field(ge=0, description="Runs of this and earlier dispatches are meant, later ones are not.")
    at: Moment
    reason: str | None = Field(None, max_length=500)

    def to_json(self) -> bytes:
        """The record's value."""
        return self.model_dump_json().encode()


class Gates(Contract):
    """What needs a permit to start, and what is paused. The one with the highest version holds."""

    control: Literal["gates"] = "gates"
    version: int = Field(ge=0)
    at: Moment
    types: list[str] = Field(default_factory=list, description="Types whose jobs start with a permit only.")
    managed: list[str] = Field(default_factory=list, description="Queues whose jobs start with a permit only.")
    paused: list[str] = Field(default_factory=list, description="Queues of which nothing is started.")
    paused_types: list[str] = Field(default_factory=list, description="Types of which nothing is started.")

    def to_json(self) -> bytes:
        """The record's value."""
        return self.model_dump_json().encode()
