"""Talking to the api from a command."""

from collections.abc import Iterator
from contextlib import contextmanager

from jobstream.cli.address import api_url
from jobstream.cli.output import Exit, fail
from jobstream.client import NotFound, StillRunning, SyncClient
from jobstream.errors import ConfigurationError, JobstreamError


@contextmanager
def talking_to(api: str | None) -> Iterator[SyncClient]:
    """A client; what goes wrong with it becomes one line on stderr and an exit code."""
    try:
        with SyncClient(api_url(api)) as client:
            yield client
    except NotFound as error:
        fail(str(error), Exit.NOT_FOUND)
    except StillRunning as error:
        fail(str(error), Exit.TOO_LATE)
    except ConfigurationError as error:
        fail(str(error), Exit.USAGE)
    except JobstreamError as error:
        fail(str(error))
