"""Writes `docs/order.md` from the table that chains are built from, so that the page cannot say anything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshlib.pipeline import PIPELINE, Place

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD = """# The order of the layers

Generated from `PIPELINE` in `src/meshlib/pipeline.py` by `python -m meshlib.cli.order`; a test compares the two.

Read it from top to bottom as the way of a request down. *Above* is nearer to the caller, *below* nearer to the network.
Each row says which rows must be further down, and why; a wrong order is an error at start. Why this is one table:
[ADR 2](adr/0002-order-of-layers.md).
"""
_TAIL = """Below the last row is the wire: the pool of the picked endpoint.

A layer that is off is not in the chain and costs nothing. Your own layers stand beside a named row
(`Mesh(layers=[(layer, "above", "retry")])`, see [write a layer](write-a-layer.md)); these rows cannot be moved.
`mesh.explain(url)` and `meshlib explain URL` print the chain that a request really goes through.

Hosts that no service names, under `unconfigured = "safe"`, have `deadline`, `attempt` and `tracing.attempt` only, and
in the place of `retry` one immediate retry when a kept-alive connection proved dead before anything was sent.
"""
_SCOPES = {
    "call": "Once per call, on a `Call`",
    "attempt": "Once per attempt, on an `Attempt`",
    "endpoint": "Once per picked endpoint, on an `Attempt` whose `endpoint` is set",
}


def order_page() -> str:
    """The whole page, as Markdown."""
    scopes = [line for scope, heading in _SCOPES.items() for line in _scope(scope, heading)]
    return "\n".join([_HEAD, *scopes, _TAIL])


def _scope(scope: str, heading: str) -> Iterator[str]:
    yield from (f"## {heading}", "", "| place | layer | must be above | because |", "| --- | --- | --- | --- |")
    yield from (_row(number, place) for number, place in enumerate(PIPELINE, 1) if place.scope == scope)
    yield ""


def _row(number: int, place: Place) -> str:
    page = place.name.partition(".")[0]
    above = ", ".join(f"`{name}`" for name in place.above) or "nothing"
    return f"| {number} | [`{place.name}`](layers/{page}.md) | {above} | {place.why} |"


if __name__ == "__main__":
    print(order_page(), end="")
