"""Topics that a test makes by hand."""

from aiokafka.admin import NewTopic

from jobstream.kafka.clients import make_admin
from tests.support.space import Space


async def create(space: Space, name: str) -> None:
    """A topic with one partition."""
    admin = await make_admin(space.settings(), "test-admin")
    try:
        await admin.create_topics([NewTopic(name, 1, 1)])
    finally:
        await admin.close()
