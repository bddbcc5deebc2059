"""Which group members are alive, as heartbeats tell. Pure but for the clock that is handed in.

The embedded broker never expels a silent member, and a rebalance then waits for it without end;
Kafka expels it after its session timeout, and so does the pacer with what this knows.
"""

from collections.abc import Callable
from dataclasses import dataclass

Member = tuple[str, str]
"""A (group, member id)."""


@dataclass(slots=True)
class _Session:
    timeout_s: float
    seen_at: float
    joining: int = 0


class Sessions:
    """The members of all groups.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._members: dict[Member, _Session] = {}

    def joining(self, member: Member) -> None:
        """A member asks to join again. It sends no heartbeat until it is answered."""
        session = self._members.get(member)
        if session is not None:
            session.joining += 1

    def done_joining(self, member: Member) -> None:
        """Its request was answered, or its connection is gone."""
        session = self._members.get(member)
        if session is not None:
            session.joining = max(session.joining - 1, 0)
            session.seen_at = self._clock()

    def joined(self, member: Member, timeout_s: float) -> None:
        """The broker knows this member from now on."""
        session = self._members.setdefault(member, _Session(timeout_s, 0.0))
        session.timeout_s, session.seen_at = timeout_s, self._clock()

    def seen(self, member: Member) -> None:
        """A sign of life."""
        session = self._members.get(member)
        if session is not None:
            session.seen_at = self._clock()

    def left(self, member: Member) -> None:
        """The member left by itself, or was made to."""
        self._members.pop(member, None)

    def expired(self) -> list[Member]:
        """Members that have been silent for longer than their session timeout."""
        now = self._clock()
        return [
            member
            for member, session in self._members.items()
            if not session.joining and now - session.seen_at > session.timeout_s
        ]
