"""The OpenAPI document: kept up to date, complete, with examples."""

from pathlib import Path

import jsonschema_rs
import orjson
import pytest

from jobstream_api.commands import openapi_json

KEPT = Path(__file__).parents[4] / "docs" / "reference" / "openapi.json"


@pytest.fixture(scope="module")
def document():
    return orjson.loads(openapi_json())


def _operations(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_the_kept_document_is_up_to_date():
    assert KEPT.read_text() == openapi_json(), "run `uv run jobstream openapi > docs/reference/openapi.json`"


def test_every_error_answer_is_a_problem(document):
    for name, operation in _operations(document):
        for status, answer in operation["responses"].items():
            if status >= "400" and not (name == "GET /readyz" and status == "503"):
                content = answer["content"]["application/problem+json"]
                assert content["schema"]["$ref"].endswith("/Problem"), f"{name} {status}"


def test_bodies_have_an_example_that_their_schema_takes(document):
    for name, operation in _operations(document):
        if "requestBody" in operation:
            content = operation["requestBody"]["content"]["application/json"]
            schema = {**content["schema"], "components": document["components"]}
            jsonschema_rs.validator_for(schema).validate(content["example"]), name


def test_examples_of_answers_fit_their_schema(document):
    checked = 0
    for _, operation in _operations(document):
        for answer in operation["responses"].values():
            content = answer.get("content", {}).get("application/json", {})
            if "example" in content:
                schema = {**content["schema"], "components": document["components"]}
                jsonschema_rs.validator_for(schema).validate(content["example"])
                checked += 1
    assert checked >= 4


def test_every_reference_leads_somewhere(document):
    text = orjson.dumps(document).decode()
    schemas = document["components"]["schemas"]
    for part in text.split('"#/components/schemas/')[1:]:
        assert part.split('"')[0] in schemas
