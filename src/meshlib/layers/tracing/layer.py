"""The metrics of every call, and a span of the call where `call_span` asks for one.

In the chain whenever tracing is on, also without a call span: retries and outcomes can be counted nowhere else, a meter
provider may be set after the chain was built, and while there is none the layer costs less than 1 µs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshlib.layers.tracing.call import CallRecord
from meshlib.layers.tracing.telemetry import telemetry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from meshlib.call import Call
    from meshlib.layer import Context, Handler, Response


class CallSpanLayer:
    """The metrics of a call, and its span.

    Args: `key` is the service's in the configuration, None where nobody named it; `call_span` says whether the call has
    a span of its own, above those of its attempts.
    """

    name = "tracing"

    def __init__(self, key: str | None, call_span: bool) -> None:
        self._key = key
        self._call_span = call_span
        self._telemetry = telemetry()

    @classmethod
    def build(cls, context: Context) -> Self | None:
        tracing = context.settings.tracing
        return cls(context.settings.key, tracing.call_span) if tracing is not None else None

    def describe(self) -> Mapping[str, object]:
        return {"call_span": self._call_span}

    async def handle(self, inner: Handler, call: Call) -> Response:
        tracer, instruments = self._telemetry.recorders()
        if instruments is None and (tracer is None or not self._call_span):
            return await inner(call)
        record = CallRecord(call, self._key, tracer if self._call_span else None, instruments)
        try:
            response = await inner(call)
        except BaseException as exc:
            record.end(None, exc)
            raise
        record.end(response)
        return response
