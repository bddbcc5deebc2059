"""POST /jobs past the router: the one request that comes thousands of times a second.

The router, its exit stacks and the resolving of dependencies take half of what a submit costs. The
plain form of the request (no query, no Idempotency-Key) needs none of them; every other form, and
the documentation, is the router's. Both call the same function.
"""

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from jobstream.errors import JobstreamError
from jobstream_api.routes.problems import answer, problem_of
from jobstream_api.routes.submit import submit_job

PATH = "/jobs"


class FastLane:
    """Middleware that answers plain submits itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _is_plain_submit(scope):
            await self._app(scope, receive, send)
            return
        try:
            response = await submit_job(Request(scope, receive), scope["app"].state.parts)
        except JobstreamError as error:
            response = answer(problem_of(error, PATH))
        await response(scope, receive, send)


def _is_plain_submit(scope: Scope) -> bool:
    return (
        scope["type"] == "http"
        and scope["path"] == PATH
        and scope["method"] == "POST"
        and not scope["query_string"]
        and not any(name == b"idempotency-key" for name, _ in scope["headers"])
    )
