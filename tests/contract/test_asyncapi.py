"""The AsyncAPI document is generated, kept, and whole."""

from typing import Any

import yaml

from jobstream.contracts.asyncapi import asyncapi_json, asyncapi_yaml, document
from jobstream.contracts.jobs import DirectRecord
from jobstream.contracts.topics import Topics, topic_specs
from jobstream.settings import Settings
from tests.contract.write_reference import REFERENCE


def test_the_kept_document_is_up_to_date():
    kept = (REFERENCE / "asyncapi.yaml").read_text()
    assert kept == asyncapi_yaml(), "run `uv run jobstream asyncapi > docs/reference/asyncapi.yaml`"


def test_yaml_and_json_say_the_same():
    assert yaml.safe_load(asyncapi_yaml()) == yaml.safe_load(asyncapi_json()) == document()


def test_every_topic_of_the_public_contract_is_a_channel():
    settings = Settings.model_construct()
    public = {spec.name for spec in topic_specs(settings)} - {Topics("").control}
    assert {channel["address"] for channel in document()["channels"].values()} == public


def test_every_reference_leads_somewhere():
    whole = document()
    for reference in _references(whole):
        node: Any = whole
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]
        assert node


def test_the_examples_are_records_that_are_taken():
    for example in document()["components"]["messages"]["directRecord"]["examples"]:
        DirectRecord.read(example["payload"]).resolved_type()


def test_a_prefix_and_further_queues_show():
    made = document(Settings(_env_file=None, topic_prefix="shop.", queues="default,mail"))  # type: ignore[call-arg]
    assert made["channels"]["jobs_mail"]["address"] == "shop.jobs.created.mail"
    assert made["channels"]["status"]["address"] == "shop.jobs.status"


def _references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [found for value in node.values() for found in _references(value)]
    if isinstance(node, list):
        return [found for value in node for found in _references(value)]
    return []
