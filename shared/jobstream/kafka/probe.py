"""Whether a broker answers: for readiness gates and `jobstream doctor`."""

import asyncio
import logging

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from jobstream.kafka.clients import make_admin, start_client
from jobstream.kafka.closing import close_client
from jobstream.settings import Settings

_CLOSE_S = 1.0


async def brokers_answering(address: str, timeout_s: float = 3.0, *, cluster_id: str | None = None) -> int:
    """How many brokers the cluster has, as the plaintext broker at ``address`` tells; 0 if it does not answer.

    Args:
        cluster_id: a broker of any other cluster counts as no answer; None takes whoever is there.
    """
    host, _, port = address.rpartition(":")
    try:
        # aiokafka logs an error for every refused connection, and before a start each is refused.
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, int(port)), timeout_s)
        writer.close()
        await writer.wait_closed()
    except (OSError, TimeoutError):
        return 0
    admin = AIOKafkaAdminClient(bootstrap_servers=address, client_id="jobstream-probe", request_timeout_ms=3_000)
    quiet = logging.getLogger("aiokafka")
    level = quiet.level
    quiet.setLevel(logging.CRITICAL)
    try:
        async with asyncio.timeout(timeout_s):
            await start_client(admin)
            cluster = await admin.describe_cluster()
            return 0 if cluster_id not in (None, cluster["cluster_id"]) else len(cluster["brokers"])
    except (KafkaError, OSError, TimeoutError):
        return 0
    finally:
        await close_client(admin, _CLOSE_S)
        quiet.setLevel(level)


async def cluster_size(settings: Settings, timeout_s: float = 5.0) -> int:
    """How many brokers the configured cluster has, with its security settings.

    Raises:
        KafkaError, OSError, TimeoutError: it does not answer.
    """
    async with asyncio.timeout(timeout_s):
        admin = await make_admin(settings, "jobstream-probe")
        try:
            return len((await admin.describe_cluster())["brokers"])
        finally:
            await close_client(admin, _CLOSE_S)
