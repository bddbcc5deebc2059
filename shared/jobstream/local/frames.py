"""As much of Kafka's protocol as the pacer must read, in the versions that aiokafka speaks. Pure.

Source: the protocol guide of Apache Kafka 4. A frame here is without its length.
"""

import struct
from typing import NamedTuple

PRODUCE, FETCH, METADATA, OFFSET_COMMIT, FIND_COORDINATOR = 0, 1, 3, 8, 10
JOIN_GROUP, HEARTBEAT, LEAVE_GROUP, SYNC_GROUP, END_TXN = 11, 12, 13, 14, 26
FETCH_VERSIONS = range(4, 12)
_LAST_PLAIN_VERSION = {JOIN_GROUP: 5, HEARTBEAT: 3, LEAVE_GROUP: 2, SYNC_GROUP: 3, OFFSET_COMMIT: 7}
"""Later versions have other encodings, and are handed through unread."""


class Request(NamedTuple):
    """The header of a request, and where its body begins."""

    key: int
    version: int
    correlation: int
    body: int


class Join(NamedTuple):
    """A request to join a group; ``member`` is empty for a new one."""

    group: str
    session_s: float
    member: str


def read_request(frame: bytes) -> Request:
    """The header of a request."""
    key, version, correlation, name_length = struct.unpack_from(">hhih", frame)
    return Request(key, version, correlation, 10 + max(name_length, 0))


def read_max_wait_s(frame: bytes, request: Request) -> float:
    """For how long a fetch may wait, seconds; 0 if it is no fetch, or of a version that is not read."""
    if request.key != FETCH or request.version not in FETCH_VERSIONS:
        return 0.0
    max_wait: int = struct.unpack_from(">ii", frame, request.body)[1]  # the replica stands before it
    return max(max_wait, 0) / 1000


def is_empty_fetch(frame: bytes, version: int) -> bool:
    """True for a fetch answer that carries neither a record nor an error."""
    at = 4 + 4  # correlation id, throttle time
    if version >= 7:
        (error,) = struct.unpack_from(">h", frame, at)
        if error:
            return False
        at += 2 + 4
    (topics,) = struct.unpack_from(">i", frame, at)
    at += 4
    for _ in range(topics):
        (name_length,) = struct.unpack_from(">h", frame, at)
        at += 2 + name_length
        (partitions,) = struct.unpack_from(">i", frame, at)
        at += 4
        for _ in range(partitions):
            (error,) = struct.unpack_from(">h", frame, at + 4)
            at += 4 + 2 + 8 + 8 + (8 if version >= 5 else 0)
            (aborted,) = struct.unpack_from(">i", frame, at)
            at += 4 + max(aborted, 0) * 16 + (4 if version >= 11 else 0)
            (size,) = struct.unpack_from(">i", frame, at)
            if error or size > 0:
                return False
            at += 4
    return True


def read_join(frame: bytes, request: Request) -> Join | None:
    """A request to join, or None for anything else."""
    if request.key != JOIN_GROUP or request.version > _LAST_PLAIN_VERSION[JOIN_GROUP]:
        return None
    group, at = _text(frame, request.body)
    (session_ms,) = struct.unpack_from(">i", frame, at)
    member, _ = _text(frame, at + (8 if request.version >= 1 else 4))
    return Join(group, session_ms / 1000, member)


def read_joined(frame: bytes, version: int) -> str:
    """The member id in the answer to a join; empty if there is none."""
    at = 4 + (4 if version >= 2 else 0) + 2 + 4  # correlation id, throttle time, error, generation
    _protocol, at = _text(frame, at)
    _leader, at = _text(frame, at)
    member, _ = _text(frame, at)
    return member


def read_member(frame: bytes, request: Request) -> tuple[str, str] | None:
    """The (group, member) that a heartbeat, a sync or a commit shows alive, or that leaves; None for anything else."""
    if request.key not in (HEARTBEAT, SYNC_GROUP, OFFSET_COMMIT, LEAVE_GROUP):
        return None
    if request.version > _LAST_PLAIN_VERSION[request.key] or (request.key == OFFSET_COMMIT and request.version == 0):
        return None
    group, at = _text(frame, request.body)
    member, _ = _text(frame, at + (0 if request.key == LEAVE_GROUP else 4))  # the others tell their generation first
    return group, member


def leave_request(correlation: int, group: str, member: str) -> bytes:
    """A LeaveGroup, version 0."""
    return struct.pack(">hhi", LEAVE_GROUP, 0, correlation) + _packed("pacer") + _packed(group) + _packed(member)


def _text(frame: bytes, at: int) -> tuple[str, int]:
    """A nullable string, and where it ends."""
    (length,) = struct.unpack_from(">h", frame, at)
    end = at + 2 + max(length, 0)
    return frame[at + 2 : end].decode(errors="replace"), end


def _packed(text: str) -> bytes:
    raw = text.encode()
    return struct.pack(">h", len(raw)) + raw
