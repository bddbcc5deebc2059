"""The pacer reads as much of Kafka's protocol as it must."""

import struct

import pytest

from jobstream.local.pacer import FETCH, PRODUCE, is_empty_fetch, read_request


def request(key: int, version: int, correlation: int, client: str | None, body: bytes) -> bytes:
    name = struct.pack(">h", -1) if client is None else struct.pack(">h", len(client)) + client.encode()
    return struct.pack(">hhi", key, version, correlation) + name + body


def fetch_answer(version: int, partitions: list[tuple[int, int, bytes | None]], top_error: int = 0) -> bytes:
    """A fetch answer with one topic; partitions are (error, aborted transactions, records)."""
    out = struct.pack(">ii", 7, 0)
    if version >= 7:
        out += struct.pack(">hi", top_error, 0)
    out += struct.pack(">i", 1) + struct.pack(">h", 4) + b"jobs" + struct.pack(">i", len(partitions))
    for number, (error, aborted, records) in enumerate(partitions):
        out += struct.pack(">ihqq", number, error, 5, 5)
        if version >= 5:
            out += struct.pack(">q", 0)
        out += struct.pack(">i", aborted or -1) + b"\0" * 16 * aborted
        if version >= 11:
            out += struct.pack(">i", -1)
        out += struct.pack(">i", -1) if records is None else struct.pack(">i", len(records)) + records
    return out


@pytest.mark.parametrize("client", [None, "", "aiokafka-0.14"])
def test_a_fetch_tells_how_long_it_may_wait(client):
    frame = request(FETCH, 4, 99, client, struct.pack(">iii", -1, 500, 1))
    assert read_request(frame) == (FETCH, 4, 99, 500)


@pytest.mark.parametrize(("key", "version"), [(PRODUCE, 3), (FETCH, 3), (FETCH, 12)])
def test_what_is_no_fetch_of_a_known_version_is_not_paced(key, version):
    assert read_request(request(key, version, 1, "c", b"\xff" * 20))[3] == 0


@pytest.mark.parametrize("version", range(4, 12))
def test_an_answer_without_records_is_empty(version):
    assert is_empty_fetch(fetch_answer(version, []), version)
    assert is_empty_fetch(fetch_answer(version, [(0, 0, b""), (0, 2, None), (0, 0, b"")]), version)


@pytest.mark.parametrize("version", range(4, 12))
def test_an_answer_with_records_in_any_partition_is_not(version):
    for place in range(3):
        partitions: list[tuple[int, int, bytes | None]] = [(0, 1, b"")] * 3
        partitions[place] = (0, 0, b"records")
        assert not is_empty_fetch(fetch_answer(version, partitions), version)


@pytest.mark.parametrize("version", range(4, 12))
def test_an_error_is_handed_on_at_once(version):
    assert not is_empty_fetch(fetch_answer(version, [(0, 0, b""), (1, 0, None)]), version)


@pytest.mark.parametrize("version", range(7, 12))
def test_an_error_of_the_whole_fetch_too(version):
    assert not is_empty_fetch(fetch_answer(version, [], top_error=70), version)
