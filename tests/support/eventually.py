"""Waiting for conditions instead of for time."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any


async def eventually(
    look: Callable[[], Any | Awaitable[Any]], *, timeout: float = 30.0, every: float = 0.05, what: str = ""
) -> Any:
    """Call ``look`` until it returns something true, and return that.

    Raises:
        AssertionError: nothing true within ``timeout`` seconds; tells the last value and the last error.
    """
    until = time.monotonic() + timeout
    last: Any = None
    trouble: BaseException | None = None
    while True:
        try:
            last = look()
            if inspect.isawaitable(last):
                last = await last
            trouble = None
        except (AssertionError, OSError, KeyError, LookupError) as error:
            trouble = error
        if trouble is None and last:
            return last
        if time.monotonic() > until:
            said = f"last error {trouble!r}" if trouble else f"last value {last!r}"
            raise AssertionError(f"not within {timeout:.0f} s: {what or inspect.getsource(look).strip()}; {said}")
        await asyncio.sleep(every)
