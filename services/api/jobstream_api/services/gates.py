"""Gates: the leader tells the workers again and again what needs a permit."""

from jobstream_api.services.flow_changes import FlowChanges
from jobstream_api.services.turns import TurningLoop


class GatesPublisher(TurningLoop):
    """Publishes the rules at each election and every five minutes: the control topic forgets after a day.

    At the election of a system that never had any there is nothing to tell.
    """

    name = "gates"
    rest_s = 300.0

    def __init__(self, changes: FlowChanges) -> None:
        super().__init__()
        self._changes = changes
        self._repeats = False

    async def turn(self) -> float:
        await self._changes.publish(even_the_first=self._repeats)
        self._repeats = True
        return self.rest_s
