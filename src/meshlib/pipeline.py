"""THE ORDER of the layers, with the reason for each place; building a chain from it, and showing one.

*Above* means nearer to the caller, *below* nearer to the network. Read the table from top to bottom as the way down.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Literal, cast

from meshlib.errors import PipelineError
from meshlib.events import AttemptEnded, AttemptStarted
from meshlib.insertion import arranged
from meshlib.runtime.sync import Boxed

if TYPE_CHECKING:
    from meshlib.call import Attempt, Call
    from meshlib.insertion import Insertion
    from meshlib.layer import BuiltLayer, Context, Handler, Layer, Response

Scope = Literal["call", "attempt", "endpoint"]


@dataclass(frozen=True, slots=True)
class Place:
    """One row of the order: `above` names the layers that must be further down, `why` says why."""

    name: str
    scope: Scope
    above: tuple[str, ...]
    why: str


PIPELINE: tuple[Place, ...] = (
    # ---- once per call, on a Call ------------------------------------------------------------------------------------
    Place("tracing", "call", ("deadline",), "The span of a call must cover the time that every other layer spends."),
    Place("deadline", "call", ("retry",), "Back-off, picking and every attempt count against the deadline."),
    Place("retry", "call", ("attempt", "balance"), "Each attempt has its own timeout, endpoint and span."),
    # ---- once per attempt, on an Attempt -----------------------------------------------------------------------------
    Place(
        "attempt", "attempt", ("balance",), "Waiting for endpoints and for a connection is part of an attempt's time."
    ),
    Place("balance", "attempt", ("tracing.attempt", "breaker"), "Picks; leaves out endpoints already tried or open."),
    # ---- once per picked endpoint ------------------------------------------------------------------------------------
    Place(
        "tracing.attempt", "endpoint", ("breaker",), "The span names the endpoint, and shows a refusal of its breaker."
    ),
    Place("breaker", "endpoint", (), "Lowest: it counts what the endpoint did, and nothing that a layer of ours did."),
)

PLACES = tuple(place.name for place in PIPELINE)

BUILDERS = {
    "tracing": "meshlib.layers.tracing.layer:CallSpanLayer",
    "deadline": "meshlib.layers.deadline.layer:DeadlineLayer",
    "retry": "meshlib.layers.retry.layer:RetryLayer",
    "attempt": "meshlib.layers.attempt.layer:AttemptLayer",
    "balance": "meshlib.layers.balance.layer:BalanceLayer",
    "tracing.attempt": "meshlib.layers.tracing.attempt:AttemptSpanLayer",
    "breaker": "meshlib.layers.breaker.layer:BreakerLayer",
}


class Chain:
    """The layers of one service, outermost first, and the function they make together."""

    def __init__(self, layers: Sequence[tuple[str, Layer]]) -> None:
        self.layers = tuple((name, layer) for name, layer in layers if not isinstance(layer, Once))
        handler: Handler = cast("Handler", leaf)
        for _, layer in reversed(layers):
            handler = partial(layer.handle, handler)  # positional on purpose: a keyword doubles the cost of a layer
        self.handle = handler

    def __str__(self) -> str:
        return " > ".join([*(show(name, layer) for name, layer in self.layers), "wire"])


def build(context: Context, insertions: Iterable[Insertion] = ()) -> Chain:
    """The chain of one service: every layer that is on, and the user's own at their places.

    Raises PipelineError when an insertion names no layer, or a row of the table stands in a wrong place.
    """
    check(PIPELINE)
    made = {place.name: _make(place.name, context) for place in PIPELINE}
    slots = [(name, own if own is not None else made[name]) for name, own in arranged(PLACES, insertions)]
    return Chain([(name, layer) for name, layer in slots if layer is not None])


def build_safe(context: Context) -> Chain:
    """The chain of hosts that no service names: traced and journaled, never pinned, one retry when nothing was sent.

    What a call asks for by its own options is added.
    """
    from meshlib.layers.retry.safe import SafeRetryLayer

    names = [place.name for place in PIPELINE if place.name not in ("retry", "balance", "breaker")]
    wanted = {name: _make(name, context) for name in names}
    wanted["retry"] = _make("retry", context) if context.settings.configured("retry") else SafeRetryLayer()
    ordered = [(place.name, wanted.get(place.name)) for place in PIPELINE]
    return Chain([(name, layer) for name, layer in ordered if layer is not None])


def check(places: Sequence[Place]) -> None:
    """Raise PipelineError, with the reason, when a row stands below one that it must be above."""
    position = {place.name: index for index, place in enumerate(places)}
    for place in places:
        for lower in place.above:
            if position[place.name] > position[lower]:
                raise PipelineError(f"{place.name} must be above {lower}: {place.why}")


class Once:
    """Stands in the place of `retry` when that is off: a call has one attempt."""

    name = "retry"

    async def handle(self, inner: Handler, call: Call) -> Response:
        return await inner(call.new_attempt())


async def leaf(attempt: Attempt) -> Response:
    """The end of every chain: the wire, and the journal's two lines about an attempt."""
    call = attempt.call
    now, endpoint = call.runtime.now, attempt.endpoint
    attempt.started = now()
    call.note(AttemptStarted, attempt.started, attempt.number, endpoint.name if endpoint is not None else None)
    try:
        response = await call.transmit(attempt)
    except BaseException as exc:
        shown = exc.stop if isinstance(exc, Boxed) else exc
        call.emit(AttemptEnded(now(), attempt.number, type(shown).__name__, attempt.sent))
        attempt.release(exc)
        raise
    if attempt.returned is None:
        attempt.returned = now()
    call.note(AttemptEnded, attempt.returned, attempt.number, str(response.status_code), attempt.sent)
    return response


def show(name: str, layer: Layer) -> str:
    """`retry(max_attempts=3, backoff=0.1)`: a layer and the values it will run with."""
    describe = getattr(layer, "describe", None)
    values = ", ".join(f"{key}={value}" for key, value in describe().items()) if describe else ""
    return f"{name}({values})" if values else name


def _make(name: str, context: Context) -> Layer | None:
    module, _, attribute = BUILDERS[name].partition(":")
    builder: type[BuiltLayer] = getattr(import_module(module), attribute)
    layer = builder.build(context)
    return Once() if layer is None and name == "retry" else layer
