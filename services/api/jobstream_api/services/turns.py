"""Loops that turn, rest and turn again, and sit out the troubles of database and Kafka."""

from abc import abstractmethod

from jobstream.errors import BrokerUnavailable
from jobstream.telemetry import Event, emit
from jobstream.wakeful import WakefulLoop
from jobstream_api.infrastructure.database import is_transient

_TROUBLE_REST_S = 1.0


class TurningLoop(WakefulLoop):
    """A loop whose work is ``turn``, called again after the rest that it asks for.

    Attributes:
        rest_s: the longest rest; an age of that much is as it should be.
    """

    rest_s = 1.0

    @abstractmethod
    async def turn(self) -> float:
        """One turn of work. Returns for how many seconds to rest unless woken; 0 is not at all."""

    def troubled(self) -> None:
        """Called when a turn was cut short because the database or Kafka was away."""

    async def run(self) -> None:
        while not self.stopping.is_set():
            try:
                rest = await self.turn()
            except BrokerUnavailable as error:
                emit(Event.KAFKA_TROUBLE, what=self.name, error=str(error))
            except Exception as error:
                if not is_transient(error):
                    raise
                emit(Event.DATABASE_TROUBLE, service=self.name, error=repr(error))
            else:
                self.succeeded()
                if rest > 0:
                    await self.idle(rest)
                continue
            self.troubled()
            await self.pause(min(_TROUBLE_REST_S, self.rest_s))

    def last_success_age(self) -> float:
        return max(super().last_success_age() - self.rest_s, 0.0)
