"""What routes share: the parts of this process, and how answers are written."""

from dataclasses import dataclass, field
from typing import Annotated, Any

import orjson
from fastapi import Depends, Request, Response
from fastapi.params import Depends as DependsParam

from jobstream.errors import InvalidInput
from jobstream_api.routes.bodies import Bodies
from jobstream_api.services.cancelling import Canceller
from jobstream_api.services.catalogue import Catalogue
from jobstream_api.services.drafts import Drafter
from jobstream_api.services.flow import Flow
from jobstream_api.services.flow_control import FlowControl
from jobstream_api.services.flow_figures import FlowFigures
from jobstream_api.services.metrics import Metrics
from jobstream_api.services.operations import Operations
from jobstream_api.services.queries import Queries
from jobstream_api.services.readiness import Readiness
from jobstream_api.services.schedules import Schedules
from jobstream_api.services.submit import Submitter
from jobstream_api.settings import ApiSettings


@dataclass(frozen=True)
class Parts:
    """What the routes use, made by the composition root."""

    settings: ApiSettings
    catalogue: Catalogue
    drafter: Drafter
    submitter: Submitter
    queries: Queries
    operations: Operations
    canceller: Canceller
    schedules: Schedules
    flow: Flow
    flow_control: FlowControl
    flow_figures: FlowFigures
    readiness: Readiness
    metrics: Metrics
    bodies: Bodies = field(default_factory=Bodies)

    def max_retries_of(self, job_type: str) -> int:
        """The number of retries of a job that leaves it open."""
        return self.catalogue.max_retries(job_type, self.settings.max_retries)


async def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


PartsDep = Annotated[Parts, Depends(_parts)]


def only_query(*names: str) -> DependsParam:
    """Refuse query parameters other than ``names``, and the second of a name: neither would be heeded."""

    async def check(request: Request) -> None:
        seen: set[str] = set()
        for name, _ in request.query_params.multi_items():
            if name not in names:
                known = f"known are: {', '.join(names)}" if names else "there are none here"
                raise InvalidInput(
                    "unknown_parameter", f"/query/{name}"[:300], f"there is no query parameter {name[:100]!r}; {known}"
                )
            if name in seen:
                raise InvalidInput(
                    "repeated_parameter",
                    f"/query/{name}",
                    f"the query parameter {name!r} is given more than once; give it once",
                )
            seen.add(name)

    dependency: DependsParam = Depends(check)
    return dependency


def json_response(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """``document`` as the JSON answer; times in UTC with a Z."""
    body = orjson.dumps(document, option=orjson.OPT_UTC_Z)
    return Response(body, status_code=status, headers=headers, media_type="application/json")
