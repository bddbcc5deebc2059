"""Ports: free ones, wished ones, and the same ones after a restart."""

import socket
from collections.abc import Iterator

import pytest

from jobstream.local.ports import HOST, Ports, free_port, is_free


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as server:
        server.bind((HOST, 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_listening_port_is_not_free(taken):
    assert not is_free(taken)
    assert is_free(free_port())


def test_a_wished_port_is_given_if_free(tmp_path):
    wish = free_port()
    assert Ports(tmp_path / "ports.json").choose("api", wish) == wish


def test_a_taken_port_is_replaced(tmp_path, taken):
    port = Ports(tmp_path / "ports.json").choose("api", taken)
    assert port != taken
    assert is_free(port)


def test_the_choice_is_kept_for_the_next_start(tmp_path):
    file = tmp_path / "ports.json"
    first = Ports(file).choose("postgres")
    assert Ports(file).choose("postgres") == first


def test_choosing_again_gives_the_same(tmp_path):
    ports = Ports(tmp_path / "ports.json")
    assert ports.choose("kafka") == ports.choose("kafka")


def test_a_kept_port_that_was_taken_meanwhile_is_replaced(tmp_path, taken):
    file = tmp_path / "ports.json"
    file.write_text(f'{{"postgres": {taken}}}')
    assert Ports(file).choose("postgres") != taken


def test_two_names_never_share_a_port(tmp_path):
    ports = Ports(tmp_path / "ports.json")
    wish = free_port()
    given = {ports.choose("one", wish), ports.choose("two", wish), ports.choose("three")}
    assert len(given) == 3


@pytest.mark.parametrize("text", ["", "{", "[]", '{"api": "x", "b": -1, "c": 70000}'])
def test_a_broken_file_costs_only_the_memory(tmp_path, text):
    file = tmp_path / "ports.json"
    file.write_text(text)
    assert is_free(Ports(file).choose("api"))
