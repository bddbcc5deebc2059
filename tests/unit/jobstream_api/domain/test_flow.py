from dataclasses import replace

from jobstream.contracts.flow import Limit, LimitKind
from jobstream_api.domain.flow import FlowRules, Lane, QueueRules, effective_limits

MAIL = Limit(name="mail", kind=LimitKind.RATE, limit=10, key="$.to.domain")


def test_a_lane_reads_back_as_it_was_written():
    for lane in (
        Lane("default", "t"),
        Lane("q", "t", (("a", ""), ("b", 'x"y')), order="k!", tenant="ü"),
        Lane("q", "t", order=""),
    ):
        assert Lane.of_text(lane.to_text()) == lane
        assert lane.to_text().startswith("!") is (lane.order is not None)


def test_a_job_without_any_gate_has_no_lane():
    assert FlowRules().lane("t", "default", "key", {}) is None


def test_a_lane_names_all_that_decides_on_its_jobs():
    rules = FlowRules(
        limits=effective_limits({"send": [MAIL, Limit(kind=LimitKind.CONCURRENCY, limit=2)]}, {}),
        strict=frozenset({"send"}),
        queues={"bulk": QueueRules(managed=True, fair_by="$.tenant")},
    )
    payload = {"to": {"domain": "example.org"}, "tenant": 7}
    limits = (("mail", "example.org"), ("send.concurrency", ""))
    ordered, shared = rules.lane("send", "default", "k", payload), rules.lane("send", "bulk", None, payload)
    assert ordered == Lane("default", "send", limits, order="k", made_by=ordered.made_by)
    assert shared == Lane("bulk", "send", limits, tenant="7", made_by=shared.made_by)
    other = rules.lane("other", "bulk", "k", {})
    assert other == Lane("bulk", "other", tenant="", made_by=other.made_by)
    assert len({ordered.made_by, shared.made_by, other.made_by, ""}) == 4
    assert rules.lane("other", "default", "k", {}) is None


def test_the_lane_of_a_job_whose_texts_are_long_fits_into_an_index():
    limits = [Limit(name="x" * 80 + str(n), kind=LimitKind.RATE, limit=1, key=f"$.k{n}") for n in range(8)]
    rules = FlowRules(
        limits=effective_limits({"t" * 100: limits}, {}),
        strict=frozenset({"t" * 100}),
        queues={"q": QueueRules(managed=True, fair_by="$.tenant")},
    )
    for letter in ("\U0001f600", "\x01", "y"):
        payload = {f"k{n}": letter * 999 for n in range(8)} | {"tenant": letter * 999}
        lane = rules.lane("t" * 100, "q", letter * 255, payload)
        assert len(lane.to_text().encode()) < 2_600
        other = rules.lane("t" * 100, "q", letter * 254, payload)
        assert lane.order != other.order


def test_a_lane_that_was_stored_without_its_rules_is_read_and_written_as_it_was():
    text = '["default","send",[["mail",""]],null,null]'
    assert Lane.of_text(text).to_text() == text


def test_only_the_end_of_jobs_that_are_counted_lets_others_pass():
    limits = {"send": [MAIL], "render": [Limit(kind=LimitKind.CONCURRENCY, limit=2)]}
    rules = FlowRules(limits=effective_limits(limits, {}), strict=frozenset({"book"}))
    assert [rules.lets_others_pass(name) for name in ("send", "render", "book", "other")] == [False, True, True, False]
    assert replace(rules, queues={"bulk": QueueRules(managed=True)}).lets_others_pass("other")


def test_a_lane_of_other_rules_does_not_fit():
    both = [MAIL, Limit(kind=LimitKind.CONCURRENCY, limit=2)]
    fair = {"bulk": QueueRules(managed=True, fair_by="$.tenant")}
    made = [
        FlowRules(limits=effective_limits({"send": limits}, {}), strict=frozenset(strict), queues=queues)
        for limits in ([MAIL], both)
        for strict in ((), ("send",))
        for queues in ({}, fair, {"bulk": QueueRules(managed=True)})
    ]
    for rules in made:
        lane = rules.lane("send", "bulk", "k", {"tenant": "a"})
        assert lane is not None
        for others in made:
            wanted = others.lane("send", "bulk", "k", {"tenant": "a"})
            assert others.fits(lane) is (wanted == lane)


def test_a_lane_made_by_another_path_or_without_the_order_does_not_fit():
    moved = MAIL.model_copy(update={"key": "$.from"})
    by_to, by_from = (FlowRules(limits=effective_limits({"send": [limit]}, {})) for limit in (MAIL, moved))
    payload = {"to": {"domain": "example.org"}, "from": "example.org"}
    assert not by_from.fits(by_to.lane("send", "default", "k", payload))
    strict = replace(by_to, strict=frozenset({"send"}))
    assert not strict.fits(by_to.lane("send", "default", "k", payload))
    assert strict.fits(strict.lane("send", "default", None, payload))


def test_an_operators_setting_overrides_what_handlers_declare_and_adds_types():
    override = MAIL.model_copy(update={"limit": 99})
    found = effective_limits({"b": [MAIL], "a": [MAIL]}, {"mail": (override, ["c"]), "own": (MAIL, ["d"])})
    assert found["mail"].rule.limit == 99
    assert found["mail"].types == {"a", "b", "c"}
    assert (found["mail"].declared, found["mail"].overridden) == (True, True)
    assert (found["own"].declared, found["own"].overridden) == (False, True)


def test_gates_are_told_of_by_type_and_queue():
    rules = FlowRules(
        limits=effective_limits({"b": [MAIL]}, {}),
        strict=frozenset({"c"}),
        paused=frozenset({"a"}),
        queues={"x": QueueRules(managed=True), "y": QueueRules(paused=True)},
    )
    assert rules.gated_types == ["a", "b", "c"]
    assert rules.managed_queues == ["x"]
    assert rules.paused_queues == ["y"]
