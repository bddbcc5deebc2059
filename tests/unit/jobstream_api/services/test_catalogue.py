"""What the catalogue makes of announcements."""

from datetime import timedelta

import pytest

from jobstream.errors import InvalidInput
from jobstream.telemetry import Event, subscribe
from jobstream_api.services.payloads import PayloadSchema, SchemaRefused
from tests.support.offline import AT, announcement, offline_catalogue


def test_known_types_and_their_defaults():
    catalogue = offline_catalogue(announcement("b", max_retries=7), announcement("a"))
    assert catalogue.names() == ["a", "b"]
    assert catalogue.known("a")
    assert not catalogue.known("c")
    assert catalogue.get("c") is None
    assert catalogue.max_retries("b", 3) == 7
    assert catalogue.max_retries("c", 3) == 3


def test_many_known_types_are_not_all_listed():
    catalogue = offline_catalogue(*(announcement(f"type-{n:03}") for n in range(50)))
    with pytest.raises(InvalidInput, match="and 30 more"):
        catalogue.require("nobody", "/type")


@pytest.mark.parametrize(
    "schema",
    [{"type": "strin"}, {"$ref": "http://127.0.0.1:9/schema.json"}, {"$ref": "#/nowhere"}, {"pattern": "("}],
)
def test_a_schema_that_cannot_be_compiled_is_ignored_with_a_warning(schema):
    seen = []
    stop = subscribe(lambda event, fields: seen.append(event))
    try:
        catalogue = offline_catalogue(announcement(payload_schema=schema))
    finally:
        stop()
    assert seen == [Event.TYPE_IGNORED]
    assert catalogue.known("example")
    catalogue.check_payload("example", {"anything": "goes"})


def test_a_newer_announcement_without_a_schema_takes_any_payload():
    catalogue = offline_catalogue(announcement(payload_schema={"required": ["to"]}))
    with pytest.raises(InvalidInput):
        catalogue.check_payload("example", {})
    catalogue.learn(announcement(payload_schema=None).model_copy(update={"at": AT + timedelta(seconds=1)}))
    catalogue.check_payload("example", {})


@pytest.mark.parametrize(
    ("schema", "payload", "field"),
    [
        ({"required": ["to"]}, {}, "/payload/to"),
        ({"properties": {"a/b": {"type": "string"}}}, {"a/b": 1}, "/payload/a~1b"),
        ({"properties": {"a": {"items": {"type": "integer"}}}}, {"a": [1, "x"]}, "/payload/a/1"),
        ({"properties": {"a": {}}, "additionalProperties": False}, {"b": 1}, "/payload/b"),
        ({"properties": {"a": {"properties": {"b": {"minimum": 1}}}}}, {"a": {"b": 0}}, "/payload/a/b"),
        ({"minProperties": 1}, {}, "/payload"),
    ],
)
def test_the_field_is_named(schema, payload, field):
    with pytest.raises(InvalidInput) as caught:
        PayloadSchema(schema).check(payload)
    assert (caught.value.code, caught.value.field) == ("invalid_payload", field)


def test_the_message_does_not_repeat_the_value():
    with pytest.raises(InvalidInput) as caught:
        PayloadSchema({"properties": {"password": {"type": "integer"}}}).check({"password": "secret" * 1000})
    assert "secret" not in caught.value.detail


def test_nothing_is_fetched():
    with pytest.raises(SchemaRefused):
        PayloadSchema({"$ref": "https://json-schema.org/draft/2020-12/schema#/elsewhere"})
