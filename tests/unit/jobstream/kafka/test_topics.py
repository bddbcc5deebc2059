"""The comparison of topics with their specifications."""

from jobstream.contracts.topics import TopicSpec
from jobstream.kafka.topics import Actual, Kind, compare

SPEC = TopicSpec("jobs.created", "jobs", 12, 1, {"retention.ms": "1000"})


def test_a_missing_topic_is_created_with_its_settings():
    (change,) = compare([SPEC], {})
    assert (change.kind, change.settings) == (Kind.CREATE, {"retention.ms": "1000"})
    assert str(change) == "create jobs.created: 12 partitions, 1 replicas"


def test_a_topic_as_specified_needs_nothing():
    assert compare([SPEC], {"jobs.created": Actual(12, {"retention.ms": "1000", "segment.ms": "5"})}) == []


def test_too_few_partitions_are_grown():
    (change,) = compare([SPEC], {"jobs.created": Actual(4, {"retention.ms": "1000"})})
    assert (change.kind, str(change)) == (Kind.GROW, "grow jobs.created: 4 to 12 partitions")


def test_more_partitions_are_left_alone():
    assert compare([SPEC], {"jobs.created": Actual(24, {"retention.ms": "1000"})}) == []


def test_a_wrong_or_missing_setting_is_set():
    for config in ({"retention.ms": "9"}, {}):
        (change,) = compare([SPEC], {"jobs.created": Actual(12, config)})
        assert (change.kind, change.settings) == (Kind.CONFIGURE, {"retention.ms": "1000"})


def test_growing_and_configuring_are_two_changes():
    changes = compare([SPEC], {"jobs.created": Actual(1, {})})
    assert [change.kind for change in changes] == [Kind.GROW, Kind.CONFIGURE]


def test_topics_of_others_are_none_of_our_business():
    assert compare([], {"orders": Actual(3, {})}) == []
