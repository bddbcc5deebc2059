"""What cancelling many jobs came to, as HTTP answers show it."""

from typing import Any

from pydantic import BaseModel, Field


class TallyView(BaseModel):
    """What a filter came to."""

    matched: int = Field(ge=0, description="Jobs under way that it means, at most `limit`.")
    cancelled: int = Field(ge=0, description="Those that were cancelled; the others had ended meanwhile.")
    more: bool = Field(description="`limit` left some out: send it again.")


EXAMPLES: dict[str, Any] = {"tally": {"matched": 17, "cancelled": 0, "more": False}}
"""Example answers by the name that routes give them."""
