"""What a handler's signature asks for, checked where it is declared."""

import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from pydantic import BaseModel

from jobstream.errors import HandlerError
from jobstream.handlers.context import JobContext

_PLAIN = (dict, Mapping, Any, inspect.Parameter.empty)
_HOW = "write it like: async def send_email(payload: EmailPayload, ctx: JobContext) -> dict"


@dataclass(frozen=True, slots=True)
class Signature:
    """How to call a handler."""

    call: Callable[[Any, JobContext | None], Any]
    wants_context: bool
    model: type[BaseModel] | None


def read_signature(function: Callable[..., Any], where: str, local_names: Mapping[str, Any]) -> Signature:
    """Find the payload and the context among the parameters of ``function``.

    Args:
        where: the handler's name and place, for messages.
        local_names: names visible at the declaration, for models that are declared inside a function.

    Raises:
        HandlerError: there is something no job can fill, or an annotation that is neither model nor dict.
    """
    parameters = list(inspect.signature(function).parameters.values())
    hints = _hints(function, parameters, where, local_names)
    payload: inspect.Parameter | None = None
    context: inspect.Parameter | None = None
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise HandlerError(f"{where}: takes *{parameter.name}, which a job cannot fill; {_HOW}")
        if _is_context(parameter.name, hints.get(parameter.name)):
            if context is not None:
                raise HandlerError(f"{where}: {context.name} and {parameter.name} are both contexts; keep one")
            context = parameter
        elif payload is None and (parameter.default is parameter.empty or not _has_required(parameters, hints)):
            payload = parameter
        elif parameter.default is parameter.empty:
            raise HandlerError(
                f"{where}: takes both {payload.name if payload else '?'} and {parameter.name}, but a job has one "
                f"payload; put the values into one pydantic model, and {_HOW}"
            )
    model = None if payload is None else _model(hints.get(payload.name, payload.empty), payload.name, where)
    return Signature(_caller(function, parameters, payload, context), context is not None, model)


def _hints(
    function: Callable[..., Any], parameters: list[inspect.Parameter], where: str, local_names: Mapping[str, Any]
) -> dict[str, Any]:
    raw = {p.name: p.annotation for p in parameters if p.annotation is not p.empty}
    holder = SimpleNamespace(__annotations__=raw)
    try:
        return typing.get_type_hints(holder, getattr(function, "__globals__", {}), dict(local_names))
    except (NameError, AttributeError, SyntaxError, TypeError) as error:
        raise HandlerError(
            f"{where}: an annotation cannot be read: {error}; import the name at the module's top, "
            "outside of `if TYPE_CHECKING`"
        ) from error


def _is_context(name: str, hint: Any) -> bool:
    return hint is JobContext or JobContext in typing.get_args(hint) or (name == "ctx" and hint in (None, Any))


def _has_required(parameters: list[inspect.Parameter], hints: dict[str, Any]) -> bool:
    """True if some parameter besides the context has no default: then that one is the payload."""
    return any(p.default is p.empty and not _is_context(p.name, hints.get(p.name)) for p in parameters)


def _model(hint: Any, name: str, where: str) -> type[BaseModel] | None:
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return hint
    if hint in _PLAIN or typing.get_origin(hint) in (dict, Mapping, typing.get_origin(Mapping[str, Any])):
        return None
    shown = getattr(hint, "__name__", str(hint))
    raise HandlerError(
        f"{where}: {name} is annotated {shown}, but a payload is a JSON object: annotate it with a pydantic "
        "model or dict, or not at all"
    )


def _caller(
    function: Callable[..., Any],
    parameters: list[inspect.Parameter],
    payload: inspect.Parameter | None,
    context: inspect.Parameter | None,
) -> Callable[[Any, JobContext | None], Any]:
    filled = [p for p in parameters if p is payload or p is context]
    if not any(p.kind is p.KEYWORD_ONLY for p in filled):  # the usual shapes cost little
        if filled == parameters[:2] == [payload, context]:
            return function
        if filled == parameters[:1] == [payload]:
            return lambda body, ctx: function(body)
    positional = [p is payload for p in filled if p.kind is p.POSITIONAL_ONLY]
    named = [(p.name, p is payload) for p in filled if p.kind is not p.POSITIONAL_ONLY]

    def call(body: Any, ctx: JobContext | None) -> Any:
        args = [body if is_payload else ctx for is_payload in positional]
        return function(*args, **{name: body if is_payload else ctx for name, is_payload in named})

    return call
