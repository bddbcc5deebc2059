"""Between choosing a port and listening on it lie seconds, in which others may take it."""

import socket

import pytest

from jobstream.local.jars import NoKafka
from jobstream.local.kafka import Kafka
from jobstream.local.ports import HOST
from jobstream.local.processes import Family
from jobstream.local.state import StateDir

pytestmark = [pytest.mark.integration, pytest.mark.slow]


async def test_kafka_goes_to_another_port(tmp_path):
    state = StateDir(tmp_path).acquire()
    family = Family(state.children_file)
    kafka = Kafka(state, family)
    chosen = kafka.nodes[0].port
    try:
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind((HOST, chosen))
            other.listen()
            try:
                await kafka.start()
            except NoKafka as error:
                pytest.skip(f"Apache Kafka cannot run here: {error}")
            assert kafka.bootstrap_servers == f"{HOST}:{kafka.nodes[0].port}"
            assert kafka.nodes[0].port != chosen
    finally:
        await kafka.stop()
        await family.close()
        state.release()
