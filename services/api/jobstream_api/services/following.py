"""Loops that follow a topic, each process all of it, and sit out the troubles of database and Kafka."""

from abc import abstractmethod
from collections.abc import Callable

from jobstream.errors import BrokerUnavailable
from jobstream.kafka.follower import TopicFollower
from jobstream.service import LoopService
from jobstream.telemetry import Event, emit
from jobstream_api.infrastructure.database import is_transient


class Following(LoopService):
    """Follows a topic with a follower that is made anew after each trouble.

    Args:
        follow: makes the follower.
    """

    def __init__(self, follow: Callable[[], TopicFollower]) -> None:
        super().__init__()
        self._follow = follow
        self._follower: TopicFollower | None = None

    @abstractmethod
    async def before(self) -> None:
        """Called before each try to reach Kafka, which may be away for long."""

    @abstractmethod
    async def begin(self, follower: TopicFollower) -> None:
        """Called once the follower stands at the end of the topic."""

    @abstractmethod
    async def turn(self, follower: TopicFollower) -> None:
        """Read what is new."""

    async def run(self) -> None:
        while not self.stopping.is_set():
            try:
                await self.before()
                follower = self._follower = self._follow()
                await follower.start()
                await self.begin(follower)
                while not self.stopping.is_set():
                    await self.turn(follower)
                    self.succeeded()
            except BrokerUnavailable as error:
                emit(Event.KAFKA_TROUBLE, what=self.name, error=str(error))
            except Exception as error:
                if not is_transient(error):
                    raise
                emit(Event.DATABASE_TROUBLE, service=self.name, error=repr(error))
            await self._close()
            await self.pause(1.0)

    async def teardown(self) -> None:
        await self._close()

    async def _close(self) -> None:
        follower, self._follower = self._follower, None
        if follower is not None:
            await follower.stop()
