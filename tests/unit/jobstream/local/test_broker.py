"""What may be said for a broker, and which database goes with it."""

import pytest

from jobstream.errors import ConfigurationError
from jobstream.local.broker import External, check_address
from jobstream.local.engines import database_name


@pytest.mark.parametrize("address", ["127.0.0.1:9092", "kafka.example:9092", "a:1,b:2", "[::1]:9092"])
def test_addresses(address):
    check_address(address)


@pytest.mark.parametrize("choice", ["", "redpanda", "localhost", ":9092", "a:0", "a:99999", "a:1,b", "a:x"])
def test_what_is_neither_a_kind_nor_an_address(choice):
    with pytest.raises(ConfigurationError, match="none of kafka, embedded, HOST:PORT"):
        check_address(choice)


def test_each_broker_has_a_database_of_its_own():
    one, two = database_name(External("one.example:9092")), database_name(External("two.example:9092"))
    assert one == "jobstream_one_example_9092"
    assert one != two
    assert len(database_name(External("x" * 200 + ":9092"))) <= 63
