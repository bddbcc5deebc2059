"""Jobs that ask to be unique by their order, and what has to become of them."""

from jobstream.contracts.events import EventKind
from tests.integration.api.doors import report
from tests.support.eventually import eventually

BY_ORDER = {"by": ["type", "$.order_id"]}


def job(order: int = 7, /, **unique):
    return {"payload": {"task": "example", "order_id": order}, "unique": BY_ORDER | unique}


async def known_types(*clients):
    for client in clients:

        async def known(client=client):
            return (await client.get("/job-types")).json()["items"]

        await eventually(known, what="the type is known")


async def completed(space, client, made):
    await report(space, made, EventKind.COMPLETED, result={"n": 1})
    ended = await client.get(f"/jobs/{made['id']}", params={"wait": 20})
    assert ended.json()["status"] == "COMPLETED"
