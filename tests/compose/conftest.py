"""One compose project for all tests of this folder."""

import secrets
from collections.abc import Iterator

import pytest

from tests.compose.stack import Stack, until, why_not

BUILD_S = 1500.0


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Images built from this tree, and everything started with three workers."""
    if (missing := why_not()) is not None:
        pytest.skip(f"COMPOSE IS NOT TESTED: {missing}")
    made = Stack(f"jobstream-test-{secrets.token_hex(3)}")
    try:
        made.compose("build", timeout_s=BUILD_S)
        made.compose("up", "--detach", "--scale", "worker=3", timeout_s=180)
        try:
            until(lambda: healthy(made, "api") == 1, "the api is healthy", 90)
            until(lambda: healthy(made, "worker") == 3, "three workers are healthy", 90)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{made.logs()}") from None
        yield made
    finally:
        made.compose("down", "--volumes", "--timeout", "20", timeout_s=180)


def healthy(stack: Stack, service: str) -> int:
    """How many containers of the service are healthy."""
    return sum(one.health == "healthy" for one in stack.containers(service))
