"""@handler: what it takes, what it refuses, and what it says then."""

import functools
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Optional

import pytest
from pydantic import BaseModel, Field

from jobstream import Backoff, ConcurrencyLimit, JobContext, RateLimit, handler
from jobstream.errors import HandlerError
from jobstream.handlers.declare import spec_of
from jobstream.handlers.spec import HandlerSpec


class Email(BaseModel):
    to: str


def spec(function: object) -> HandlerSpec:
    found = spec_of(function)
    assert found is not None
    return found


def test_the_function_stays_directly_callable() -> None:
    @handler("double")
    def double(payload: dict[str, int]) -> int:
        return payload["n"] * 2

    assert double({"n": 21}) == 42


def test_defaults_follow_the_kind_of_function() -> None:
    @handler("a")
    async def on_loop(payload: Email) -> None:
        """Says hello.

        And more.
        """

    @handler("b")
    def in_thread(payload: Email) -> None: ...

    assert (spec(on_loop).run_in, spec(in_thread).run_in) == ("loop", "thread")
    assert spec(on_loop).description == "Says hello."
    assert spec(in_thread).description is None
    assert spec(on_loop).max_retries == 3
    assert spec(on_loop).timeout_s is None
    assert spec(on_loop).backoff == Backoff()


def test_a_model_gives_the_schema_of_the_payload() -> None:
    @handler("email", description="sends", max_retries=0, timeout_s=2.5)
    async def email(payload: Email) -> None: ...

    assert spec(email).payload_model is Email
    schema = spec(email).payload_schema
    assert schema is not None
    assert schema["required"] == ["to"]


async def with_payload_first(payload: Email, ctx: JobContext) -> Any:
    return payload, ctx


async def with_context_first(ctx: JobContext, payload: Email) -> Any:
    return payload, ctx


async def with_keywords_only(*, payload: Email, ctx: JobContext) -> Any:
    return payload, ctx


async def with_positions_only(ctx: "JobContext", payload: "Email", /) -> Any:
    return payload, ctx


async def with_other_names(mail: Annotated[Email, Field()], job: Optional[JobContext] = None) -> Any:  # noqa: UP045
    return mail, job


async def with_further_default(payload: Email, retries: int = 7, *, ctx: JobContext) -> Any:
    assert retries == 7
    return payload, ctx


async def with_default_before_payload(*, limit: int = 7, payload: Email, ctx: JobContext) -> Any:
    assert limit == 7
    return payload, ctx


@pytest.mark.parametrize(
    "function",
    [
        with_payload_first,
        with_context_first,
        with_keywords_only,
        with_positions_only,
        with_other_names,
        with_further_default,
        with_default_before_payload,
    ],
)
async def test_payload_and_context_may_stand_in_any_order(function: Any) -> None:
    found = spec(handler("any")(function))
    assert found.wants_context
    assert found.payload_model is Email
    payload, ctx = Email(to="ann"), object()
    assert await found.call(payload, ctx) == (payload, ctx)  # type: ignore[arg-type]


async def test_context_and_payload_are_both_optional() -> None:
    @handler("none")
    async def none() -> str:
        return "none"

    @handler("context")
    async def context(ctx) -> Any:  # type: ignore[no-untyped-def]
        return ctx

    @handler("plain")
    async def plain(anything) -> Any:  # type: ignore[no-untyped-def]
        return anything

    @handler("mapping")
    async def mapping(payload: Mapping[str, Any]) -> Any:
        return payload

    ctx: Any = object()
    assert await spec(none).call({}, None) == "none"
    assert await spec(context).call({}, ctx) is ctx
    assert await spec(plain).call({"a": 1}, None) == {"a": 1}
    assert await spec(mapping).call({"a": 1}, None) == {"a": 1}
    assert [s.wants_context for s in map(spec, (none, context, plain, mapping))] == [False, True, False, False]
    assert all(s.payload_model is None for s in map(spec, (none, context, plain, mapping)))


def test_a_model_declared_inside_a_function_is_found_by_its_name() -> None:
    class Inner(BaseModel):
        n: int

    @handler("inner")
    async def inner(payload: "Inner") -> None: ...

    assert spec(inner).payload_model is Inner


def two_payloads(a: dict[str, Any], b: dict[str, Any]) -> None: ...
def two_contexts(payload: Email, ctx: JobContext, other: JobContext) -> None: ...
def stars(*payload: Any) -> None: ...
def keywords(**payload: Any) -> None: ...
def number(payload: int) -> None: ...
def unknown(payload: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821
def yields(payload: Email) -> Any:
    yield payload


async def yields_async(payload: Email) -> Any:
    yield payload


def fine(payload: Email) -> None: ...
async def fine_async(payload: Email) -> None: ...


@pytest.mark.parametrize(
    ("function", "options", "says"),
    [
        (two_payloads, {}, "takes both a and b, but a job has one payload; put the values into one pydantic model"),
        (two_contexts, {}, "ctx and other are both contexts; keep one"),
        (stars, {}, "takes *payload, which a job cannot fill; write it like"),
        (keywords, {}, "takes *payload, which a job cannot fill; write it like"),
        (number, {}, "payload is annotated int, but a payload is a JSON object: annotate it with a pydantic model"),
        (unknown, {}, "name 'Nowhere' is not defined; import the name at the module's top"),
        (yields, {}, "it yields, but a job has one result; return it"),
        (yields_async, {}, "it yields, but a job has one result; return it"),
        (fine, {"run_in": "loop"}, "a sync function would block the loop; make it async or say run_in="),
        (fine_async, {"run_in": "thread"}, "an async function runs on the loop; make it a plain def"),
        (fine, {"run_in": "fiber"}, "run_in is one of loop, thread, process, not 'fiber'"),
        (fine, {"max_retries": -1}, "max_retries is a whole number from 0 to 100, not -1"),
        (fine, {"max_retries": 101}, "max_retries is a whole number from 0 to 100, not 101"),
        (fine, {"max_retries": True}, "max_retries is a whole number from 0 to 100, not True"),
        (fine, {"timeout_s": 0}, "timeout_s is above 0"),
        (fine, {"timeout_s": float("nan")}, "timeout_s is above 0"),
        (fine, {"non_retryable": (ValueError(),)}, "non_retryable is a tuple of exception classes"),
        (fine, {"strict_order": 1}, "strict_order is True or False, not 1"),
        (fine, {"limits": [5]}, "limits is a list of RateLimit and ConcurrencyLimit; write it like: limits=["),
        (fine, {"limits": RateLimit(5)}, "limits is a list of RateLimit and ConcurrencyLimit"),
        (fine, {"limits": [RateLimit(0)]}, "limit of RateLimit(limit=0,"),
        (fine, {"limits": [RateLimit(0)]}, "should be greater than or equal to 1"),
        (fine, {"limits": [RateLimit(True)]}, "limit of RateLimit(limit=True,"),
        (fine, {"limits": [RateLimit(1, per_s=float("nan"))]}, "per_s of RateLimit("),
        (fine, {"limits": [RateLimit(1, per_s=1e9)]}, "should be less than or equal to 86400"),
        (fine, {"limits": [RateLimit(1, key="$.a[")]}, "must be a path into the payload like $.customer.id"),
        (fine, {"limits": [ConcurrencyLimit(2**63)]}, "should be less than or equal to 1000000"),
        (fine, {"limits": [ConcurrencyLimit(1, name="A B")]}, "name of ConcurrencyLimit("),
        (fine, {"limits": [RateLimit(1), RateLimit(2)]}, "it has two limits called 'some.rate'; give them names"),
        (fine, {"limits": [RateLimit(1, name=f"n{n}") for n in range(11)]}, "a handler has at most 10 limits, not 11"),
        (fine, {"non_retryable": ValueError}, "non_retryable is a tuple of exception classes"),
    ],
)
def test_what_cannot_work_is_refused_with_the_place_and_the_fix(
    function: Any, options: dict[str, Any], says: str
) -> None:
    with pytest.raises(HandlerError) as caught:
        handler("some", **options)(function)
    assert says in str(caught.value)
    assert f"{function.__name__} ({__file__}:" in str(caught.value)


def test_limits_are_announced_with_what_they_allow() -> None:
    declared = [RateLimit(100, per_s=60, burst=10, key="customer", name="mail"), ConcurrencyLimit(5, max_waiting=9)]

    @handler("send_email", limits=declared, strict_order=True)
    async def send(payload: Email) -> None: ...

    told = spec(send).announcement(datetime(2026, 1, 2, tzinfo=UTC))
    assert [limit.model_dump(mode="json", exclude_none=True) for limit in told.limits] == [
        {"name": "mail", "kind": "rate", "limit": 100, "period_s": 60.0, "burst": 10, "key": "$.customer"},
        {"kind": "concurrency", "limit": 5, "period_s": 1.0, "max_waiting": 9},
    ]
    assert [limit.named("send_email") for limit in told.limits] == ["mail", "send_email.concurrency"]
    assert told.strict_order


def test_a_limit_of_a_type_with_a_long_name_needs_one_of_its_own() -> None:
    with pytest.raises(HandlerError, match="is too long for the name of a limit; give it one with name="):
        handler("a" * 100, limits=[RateLimit(1)])(fine)


@pytest.mark.parametrize("name", ["", "Send", "send email", "a" * 101, "a\n", "ä"])
def test_a_type_that_no_job_may_have_is_refused(name: str) -> None:
    with pytest.raises(HandlerError, match="must match"):
        handler(name)(fine)


def test_the_bare_decorator_is_explained() -> None:
    with pytest.raises(HandlerError, match='write @handler\\("send_email"\\) above the function'):
        handler(fine)  # type: ignore[arg-type]


def test_anything_but_a_plain_function_is_refused() -> None:
    with pytest.raises(HandlerError, match="put it on a plain function"):
        handler("some")(functools.partial(fine))


def test_a_decorator_above_handler_is_found_out() -> None:
    @handler("inner")
    def inner(payload: Email) -> None: ...

    @functools.wraps(inner)
    def outer(payload: Email) -> None: ...

    with pytest.raises(HandlerError, match="put @handler outermost"):
        spec_of(outer)


def test_one_function_handles_one_type() -> None:
    @handler("first")
    def first(payload: Email) -> None: ...

    with pytest.raises(HandlerError, match="write a function for each type"):
        handler("second")(first)


def test_whatever_is_no_handler_has_no_declaration() -> None:
    assert [spec_of(thing) for thing in (fine, 1, None, Email, print)] == [None] * 5
