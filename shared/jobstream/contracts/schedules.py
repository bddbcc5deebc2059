"""The policies of a schedule, as its documents and the command line name them."""

from enum import StrEnum


class Overlap(StrEnum):
    """What a tick does while a job of an earlier one is under way."""

    ALLOW = "allow"
    SKIP = "skip"
    QUEUE = "queue"
    CANCEL_OLDER = "cancel_older"


class Missed(StrEnum):
    """What becomes of ticks that nobody could fire at their time."""

    SKIP = "skip"
    ONCE = "once"
    ALL = "all"
