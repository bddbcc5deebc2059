"""What is played, and what is left out."""

from dataclasses import replace
from itertools import pairwise

from jobstream.cli.demo.acts import Door
from jobstream.cli.demo.program import program
from jobstream.contracts.status import JobStatus
from jobstream.handlers.registry import load_handlers

SHIPPED = load_handlers(["jobstream_worker.examples"]).types


def test_every_shipped_type_goes_through_both_doors_in_turns(place):
    acts, left_out = program(place, SHIPPED)
    assert left_out == {}
    assert {(act.type, act.door) for act in acts} == {(name, door) for name in SHIPPED for door in Door}
    assert all(one.door is not other.door for one, other in pairwise(acts))


def test_every_payload_is_what_its_handler_takes(place):
    registry = load_handlers(["jobstream_worker.examples"])
    for act in program(place, SHIPPED)[0]:
        model = registry.get(act.type).payload_model
        assert model is None or set(act.payload) <= set(model.model_fields)
        assert model is None or model.model_validate(act.payload)


def test_some_are_bound_to_fail_and_some_to_be_retried(place):
    acts, _ = program(place, SHIPPED)
    failing = {act.type for act in acts if act.foretold.status is JobStatus.FAILED}
    assert failing == {"data.pipeline", "video.thumbnail", "email.send", "doomed"}
    retried = [act for act in acts if act.foretold.attempts > 1 and act.foretold.status is JobStatus.COMPLETED]
    assert {act.type for act in retried} == {"email.send", "flaky"}
    for act in acts:
        most = load_handlers(["jobstream_worker.examples"]).get(act.type).max_retries + 1
        assert act.foretold.attempts <= most


def test_what_cannot_be_prepared_is_left_out_and_the_doors_still_take_turns(place):
    acts, left_out = program(replace(place, files=None, mails=None), SHIPPED)
    assert set(left_out) == {"email.send", "image.thumbnail", "video.thumbnail", "data.pipeline"}
    assert {act.type for act in acts} == {"compute", "flaky", "doomed", "example"}
    assert all(one.door is not other.door for one, other in pairwise(acts))
    assert program(place, ["example"])[1]["compute"] == "no worker runs it: they need jobstream-worker[examples]"
