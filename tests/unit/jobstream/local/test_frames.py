"""Kafka's protocol, as far as the pacer reads it. Groups: as aiokafka's own classes write it."""

import struct

import pytest
from aiokafka.protocol import group as protocol

from jobstream.local.frames import (
    FETCH,
    HEARTBEAT,
    JOIN_GROUP,
    LEAVE_GROUP,
    PRODUCE,
    SYNC_GROUP,
    Join,
    is_empty_fetch,
    leave_request,
    read_join,
    read_joined,
    read_max_wait_s,
    read_member,
    read_request,
)


def head(key: int, version: int, correlation: int, client: str | None, body: bytes) -> bytes:
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
    frame = head(FETCH, 4, 99, client, struct.pack(">iii", -1, 500, 1))
    request = read_request(frame)
    assert (request.key, request.version, request.correlation) == (FETCH, 4, 99)
    assert read_max_wait_s(frame, request) == 0.5


@pytest.mark.parametrize(("key", "version"), [(PRODUCE, 3), (FETCH, 3), (FETCH, 12)])
def test_what_is_no_fetch_of_a_known_version_is_not_paced(key, version):
    frame = head(key, version, 1, "c", b"\xff" * 20)
    assert read_max_wait_s(frame, read_request(frame)) == 0


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


@pytest.mark.parametrize("version", [0, 1, 2, 5])
def test_a_join_and_its_answer(version):
    struct_class = getattr(protocol, f"JoinGroupRequest_v{version}")
    fields = {
        "group": "workers",
        "session_timeout": 45_000,
        "rebalance_timeout": 25_000,
        "member_id": "member-1",
        "group_instance_id": None,
        "protocol_type": "consumer",
        "group_protocols": [("sticky", b"metadata")],
    }
    known = [name for name in struct_class.SCHEMA.names if name in fields]
    frame = head(JOIN_GROUP, version, 5, "worker", struct_class(*(fields[name] for name in known)).encode())
    assert read_join(frame, read_request(frame)) == Join("workers", 45.0, "member-1")

    answer = struct_class.RESPONSE_TYPE
    values = {"throttle_time_ms": 0, "error_code": 0, "generation_id": 3, "group_protocol": "sticky"}
    values |= {"leader_id": "member-0", "member_id": "member-2", "members": []}
    body = answer(*(values[name] for name in answer.SCHEMA.names)).encode()
    assert read_joined(struct.pack(">i", 5) + body, version) == "member-2"


def test_a_later_join_is_handed_through_unread():
    frame = head(JOIN_GROUP, 6, 5, "worker", b"\xff" * 40)
    assert read_join(frame, read_request(frame)) is None


@pytest.mark.parametrize(
    ("key", "body"),
    [
        (HEARTBEAT, protocol.HeartbeatRequest_v1("workers", 3, "member-1")),
        (SYNC_GROUP, protocol.SyncGroupRequest_v1("workers", 3, "member-1", [])),
        (LEAVE_GROUP, protocol.LeaveGroupRequest_v1("workers", "member-1")),
    ],
)
def test_who_shows_a_sign_of_life(key, body):
    frame = head(key, 1, 5, "worker", body.encode())
    assert read_member(frame, read_request(frame)) == ("workers", "member-1")


def test_who_shows_none():
    for frame in (head(PRODUCE, 3, 1, "c", b""), head(HEARTBEAT, 4, 1, "c", b"\xff" * 20)):
        assert read_member(frame, read_request(frame)) is None


def test_the_leave_that_is_sent_for_a_silent_member():
    frame = leave_request(9, "workers", "member-1")
    request = read_request(frame)
    assert (request.key, request.version, request.correlation) == (LEAVE_GROUP, 0, 9)
    assert frame[request.body :] == protocol.LeaveGroupRequest_v0("workers", "member-1").encode()
