"""Request bodies: limits that hold before parsing, then one strict JSON document."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from fastapi import Request
from starlette.requests import ClientDisconnect

from jobstream.contracts.limits import parse_json
from jobstream.errors import InvalidInput
from jobstream_api.services.deadlines import Deadlines

T = TypeVar("T")

READ_TIMEOUT_S = 30.0
_ASIDE_BYTES = 128 * 1024
_AT_ONCE = 2

# curl -d says form-urlencoded unless told otherwise; the body is JSON all the same.
_JSON_TYPES = frozenset({"", "application/json", "text/json", "application/x-www-form-urlencoded"})


class Bodies:
    """Reads request bodies; large ones aside, a few at once."""

    def __init__(self, read_timeout_s: float = READ_TIMEOUT_S) -> None:
        self._parsing = asyncio.Semaphore(_AT_ONCE)
        self._deadlines = Deadlines(read_timeout_s)

    async def read_json(self, request: Request, max_bytes: int) -> Any:
        """The JSON document in the body.

        Raises:
            InvalidInput: not JSON, too large, too slow, or sent by another site's page.
        """
        raw = await self._raw(request, max_bytes)
        return await self.aside(len(raw), partial(parse_json, raw, max_bytes=max_bytes))

    async def read_optional_json(self, request: Request, max_bytes: int) -> Any:
        """The same, or None if the body is empty."""
        raw = await self._raw(request, max_bytes)
        if not raw.strip():
            return None
        return await self.aside(len(raw), partial(parse_json, raw, max_bytes=max_bytes))

    async def _raw(self, request: Request, max_bytes: int) -> bytes:
        _check_headers(request, max_bytes)
        return await self._read(request, max_bytes)

    async def _read(self, request: Request, max_bytes: int) -> bytes:
        task = asyncio.current_task()
        assert task is not None, "requests run in tasks"
        expired = False

        def expire() -> None:
            nonlocal expired
            expired = True
            task.cancel()

        deadline = self._deadlines.start(expire)
        chunks: list[bytes] = []
        size = 0
        try:
            async for chunk in request.stream():
                size += len(chunk)
                if size > max_bytes:
                    raise _too_large(max_bytes)
                chunks.append(chunk)
        except asyncio.CancelledError:
            if not expired:
                raise
            task.uncancel()
            raise InvalidInput(
                "body_timeout", "", f"the body did not arrive within {self._deadlines.seconds:.0f} s"
            ) from None
        except ClientDisconnect:
            raise InvalidInput("incomplete_body", "", "the connection ended before the body did") from None
        finally:
            deadline.met()
        return b"".join(chunks)

    async def aside(self, size: int, work: Callable[[], T]) -> T:
        """Do ``work``; in a thread if ``size`` bytes take long, so that others are served meanwhile."""
        if size <= _ASIDE_BYTES:
            return work()
        async with self._parsing:
            return await asyncio.to_thread(work)


def _check_headers(request: Request, max_bytes: int) -> None:
    # Once into a dict, the first of a name winning: Starlette's Headers look through the whole list each time.
    headers = {name: value.decode("latin-1") for name, value in reversed(request.scope["headers"])}
    # Browsers let any page send a form to any address, ours too. Only our own pages, and programs, may.
    site = headers.get(b"sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        raise InvalidInput("cross_site", "/header/sec-fetch-site", "requests from another site's page are not taken")
    encoding = headers.get(b"content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise InvalidInput("unsupported_encoding", "/header/content-encoding", "send the body uncompressed")
    content_type = headers.get(b"content-type", "")
    if content_type != "application/json":
        _check_media_type(content_type)
    length = headers.get(b"content-length", "")
    if length.isdecimal() and int(length[:20]) > max_bytes:
        raise _too_large(max_bytes)


def _check_media_type(content_type: str) -> None:
    media, _, parameters = content_type.partition(";")
    media = media.strip().lower()
    if media not in _JSON_TYPES and not (media.startswith("application/") and media.endswith("+json")):
        raise InvalidInput("unsupported_media_type", "/header/content-type", "send application/json")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if parameters.strip().lower().startswith("charset=") and charset not in ("utf-8", "utf8", "us-ascii"):
        raise InvalidInput("unsupported_media_type", "/header/content-type", "send the body in UTF-8")


def _too_large(max_bytes: int) -> InvalidInput:
    return InvalidInput("body_too_large", "", f"the body has more than {max_bytes} bytes; send less")
