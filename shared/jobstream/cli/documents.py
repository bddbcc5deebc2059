"""``jobstream version`` and ``jobstream asyncapi``."""

import sys
from enum import StrEnum
from importlib.metadata import version as installed
from typing import Annotated

import typer


class DocumentFormat(StrEnum):
    """How a document is written."""

    YAML = "yaml"
    JSON = "json"


def version() -> None:
    """Print the version."""
    typer.echo(installed("jobstream"))


def asyncapi(
    output: Annotated[DocumentFormat, typer.Option("--output", "-o", help="How to print.")] = DocumentFormat.YAML,
) -> None:
    """Print the AsyncAPI document of the topics: what to write, what to read."""
    from jobstream.contracts.asyncapi import asyncapi_json, asyncapi_yaml

    sys.stdout.write(asyncapi_json() if output is DocumentFormat.JSON else asyncapi_yaml())
