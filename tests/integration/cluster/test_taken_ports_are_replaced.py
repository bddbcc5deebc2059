"""Other programs have the ports we would like."""

import socket

import pytest

from jobstream.local.ports import HOST
from tests.integration.cluster.running import Up, submit

pytestmark = pytest.mark.integration


async def test_a_taken_port_is_replaced_by_a_free_one(up: Up):
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind((HOST, up.port))
        other.listen()
        run = await up.start("--workers", "1")
        assert run["api"] != f"http://{HOST}:{up.port}"
        assert f"port {up.port} is taken; the api listens on {run['api'].rpartition(':')[2]}" in up.said()
        assert (await submit(run["api"], {"task": "example"}))["status"] == "COMPLETED"
