"""Problem details (RFC 9457), the one form of every error answer."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class Problem(BaseModel):
    """What is wrong, where, and what to do about it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:jobstream:problem:unknown_type",
                    "title": "Unprocessable Content",
                    "status": 422,
                    "detail": "no worker has announced the type 'exmaple'; known are: example",
                    "code": "unknown_type",
                    "field": "/payload/task",
                    "instance": "/jobs",
                }
            ]
        }
    )

    type: str = Field(description="A URN of the code.")
    title: str = Field(description="The status in words.")
    status: int = Field(ge=400, le=599)
    detail: str = Field(description="What happened and what to do, for people.")
    code: str = Field(description="Stable, for programs.")
    field: str | None = Field(
        None,
        description="Where: a JSON Pointer into the body (empty: the body as a whole), "
        "or `/query/NAME`, `/path/NAME`, `/header/NAME`.",
    )
    instance: str | None = Field(None, description="The path that was asked for.")
    job_id: UUID | None = Field(None, description="With `not_unique`: the job that is there.")
