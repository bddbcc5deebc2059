"""Marks: of each job topic a moment, and where the topic ended then. Pure.

Once the workers' group has committed up to a mark's ends, every record that the topic had at that
moment has left a fact on the status topic. Each topic has a mark of its own: that of a paused queue
stands until it is resumed and read, and holds up no other.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from jobstream.kafka.ends import Place

Committed = Mapping[Place, tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment, and where the partitions of one topic ended then.

    Attributes:
        at: what was dispatched before it was on the topic, or is lost.
    """

    at: datetime
    ends: Mapping[Place, int]

    def passed(self, committed: Committed) -> bool:
        """True if all that was there has been read; what never had a record owes none."""
        return all(end == 0 or committed.get(place, (0, ""))[0] >= end for place, end in self.ends.items())

    def fits(self, ends: Mapping[Place, int]) -> bool:
        """False if the topic is gone, or was made anew: the group will not come to such a mark."""
        return all(ends.get(place, -1) >= end for place, end in self.ends.items())


class Marks:
    """The marks of all job topics."""

    def __init__(self) -> None:
        self._marks: dict[str, Mark] = {}

    def forget(self) -> None:
        """Begin anew."""
        self._marks.clear()

    def passed(self, committed: Committed, ends: Mapping[Place, int]) -> dict[str, datetime]:
        """The moments of the marks that the group has passed, by topic.

        Args:
            committed: read before ``ends``.
        """
        return {topic: mark.at for topic, mark in self._marks.items() if mark.fits(ends) and mark.passed(committed)}

    def renew(
        self, ends: Mapping[Place, int], at: datetime, unsent: Mapping[str, datetime], done: Collection[str]
    ) -> None:
        """Mark the topics that have no mark, or one that is of no more use. The others keep theirs.

        A topic that Kafka does not show has none: whether it is gone, or only not seen, is not known.

        Args:
            ends: of all topics, read after ``at`` and ``unsent``.
            at: what was dispatched before it has reached Kafka, unless it is unsent.
            unsent: when the oldest record that has not reached Kafka was written, by topic.
            done: topics whose marks were passed and made use of.
        """
        places: dict[str, dict[Place, int]] = {}
        for place, end in ends.items():
            places.setdefault(place[0], {})[place] = end
        self._marks = {
            topic: mark
            if (mark := self._marks.get(topic)) is not None and topic not in done and mark.fits(its)
            else Mark(min(at, unsent.get(topic, at)), its)
            for topic, its in places.items()
        }
