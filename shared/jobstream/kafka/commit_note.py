"""What a worker leaves for its successor in the metadata of a commit.

A successor must not run again what is finished above the committed offset. The note names those
offsets, and from where on the status topic says the rest: every fact that its writer did not know
to be durable when it committed stands at or after ``status_from``. No clocks are involved.
"""

import base64
import binascii
import zlib
from dataclasses import dataclass

from jobstream.kafka.tracker import Range

MAX_METADATA = 4096
"""Kafka's default ``offset.metadata.max.bytes``."""
_VERSION = "1"
_CHECK_BYTES = 4
_MAX_RAW = (MAX_METADATA - len(_VERSION)) // 4 * 3 - _CHECK_BYTES


@dataclass(frozen=True, slots=True)
class CommitNote:
    """A note beside a committed offset.

    Attributes:
        status_from: per partition of the status topic, the offset to read from; partitions beyond are
            read from their beginning.
        finished: ranges of offsets above the committed one that are done, disjoint and in order.
        keyed: jobs with a key of this partition were still running, so their keys are to be looked up.
    """

    status_from: tuple[int, ...] = ()
    finished: tuple[Range, ...] = ()
    keyed: bool = False

    def encode(self, committed: int) -> str:
        """The note as commit metadata, at most ``MAX_METADATA`` ASCII characters.

        Where all does not fit, offsets of the status topic are rounded down, which costs the successor
        some reading; an impossible number of ranges gives the empty string: no note.
        """
        head = bytearray([1 if self.keyed else 0])
        _put(head, len(self.finished))
        at = committed
        for begin, end in self.finished:
            _put(head, begin - at)
            _put(head, end - begin)
            at = end
        for shift in range(64):
            body = bytearray(head)
            body.append(shift)
            _put(body, len(self.status_from))
            for offset in self.status_from:
                _put(body, offset >> shift)
            if len(body) <= _MAX_RAW:
                raw = bytes(body) + _check(body)
                return _VERSION + base64.urlsafe_b64encode(raw).decode().rstrip("=")
        return ""

    @classmethod
    def decode(cls, metadata: str, committed: int) -> "CommitNote | None":
        """Read a note back; None if there is none, or anything else stands there."""
        if not metadata.startswith(_VERSION) or len(metadata) > MAX_METADATA:
            return None
        text = metadata[len(_VERSION) :]
        try:
            raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            body, check = raw[:-_CHECK_BYTES], raw[-_CHECK_BYTES:]
            return None if check != _check(body) else cls._parse(body, committed)
        except (binascii.Error, ValueError, IndexError):
            return None

    @classmethod
    def _parse(cls, body: bytes, committed: int) -> "CommitNote":
        keyed = body[0] == 1
        count, place = _get(body, 1)
        finished = []
        at = committed
        for _ in range(count):
            gap, place = _get(body, place)
            length, place = _get(body, place)
            finished.append((at + gap, at + gap + length))
            at += gap + length
        shift = body[place]
        count, place = _get(body, place + 1)
        status_from = []
        for _ in range(count):
            offset, place = _get(body, place)
            status_from.append(offset << shift)
        return cls(tuple(status_from), tuple(finished), keyed)


def _check(body: bytes | bytearray) -> bytes:
    return zlib.crc32(body).to_bytes(_CHECK_BYTES, "big")


def _put(out: bytearray, number: int) -> None:
    """Append a number from 0 up, seven bits a byte, low bits first."""
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)


def _get(raw: bytes, place: int) -> tuple[int, int]:
    """The number at ``place`` and the place after it."""
    number = shift = 0
    while True:
        byte = raw[place]
        number |= (byte & 127) << shift
        place += 1
        shift += 7
        if byte < 128:
            return number, place
