"""Answers as servers and proxies send them."""

import asyncio

import pytest

from jobstream.cli.bench.wire import Target, read_answer
from jobstream.errors import ConfigurationError


async def answer_to(*pieces: bytes) -> tuple[int, bytes]:
    reader = asyncio.StreamReader()
    for piece in pieces:
        reader.feed_data(piece)
    reader.feed_eof()
    answer = await read_answer(reader)
    return answer.status, answer.body


async def test_an_answer_of_a_length_told_before():
    assert await answer_to(b"HTTP/1.1 201 Created\r\nContent-", b'Length: 8\r\n\r\n{"a": 1}') == (201, b'{"a": 1}')


async def test_an_answer_in_chunks():
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert await answer_to(head, b'4;x=y\r\n{"a"\r\nA\r\n: 12345678\r\n', b"1\r\n}\r\n0\r\n\r\n") == (
        200,
        b'{"a": 12345678}',
    )


async def test_a_connection_that_ends_too_soon():
    with pytest.raises(EOFError):
        await answer_to(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}")


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://127.0.0.1:8000", Target("127.0.0.1", 8000, tls=False)),
        ("http://jobs.example", Target("jobs.example", 80, tls=False)),
        ("https://jobs.example/v1/", Target("jobs.example", 443, tls=True, prefix="/v1")),
    ],
)
def test_addresses(url, target):
    assert Target.of(url) == target


@pytest.mark.parametrize("url", ["ftp://jobs.example", "http://", "http://jobs.example:many"])
def test_what_is_no_address(url):
    with pytest.raises(ConfigurationError, match="no address"):
        Target.of(url)
