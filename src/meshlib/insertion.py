"""Where layers of the user's go: `Mesh(layers=[(TenantHeader(), "above", "retry")])`, checked when the Mesh is made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from inspect import iscoroutinefunction, unwrap
from typing import TYPE_CHECKING, Any, Literal, cast

from meshlib.errors import PipelineError

if TYPE_CHECKING:
    from meshlib.layer import Layer

Insertion = tuple["Layer", Literal["above", "below"], str]
"""A user's own layer and where it goes: `(TenantHeader(), "above", "retry")`."""


def arranged(places: Sequence[str], insertions: Iterable[Insertion]) -> list[tuple[str, Layer | None]]:
    """Every name from top to bottom, `places` and the user's layers; these have their object with them.

    A name may also be that of a layer inserted before. Several at one place stand in the order in which they are given.
    Raises PipelineError for what cannot be inserted.
    """
    slots: list[tuple[str, Layer | None]] = [(place, None) for place in places]
    below: dict[str, int] = {}
    for insertion in insertions:
        names = [name for name, _ in slots]
        layer, side, anchor = checked(insertion, names)
        at = names.index(anchor)
        if side == "below":
            below[anchor] = below.get(anchor, 0) + 1
            at += below[anchor]
        slots.insert(at, (layer.name, layer))
    return slots


def checked(insertion: Any, names: Sequence[str]) -> Insertion:
    """`insertion`, if it is a layer and a place; `names` are those there are. Raises PipelineError."""
    if not (isinstance(insertion, tuple) and len(insertion) == 3):
        raise PipelineError(f'layers: {insertion!r} must be (layer, "above" or "below", name of a layer)')
    layer, side, anchor = insertion
    if isinstance(layer, type):
        raise PipelineError(f"layers: {layer.__name__} is a class: make an object of it, {layer.__name__}()")
    name, handle = getattr(layer, "name", None), getattr(layer, "handle", None)
    if not isinstance(name, str) or not callable(handle) or not iscoroutinefunction(unwrap(handle)):
        raise PipelineError(f"layers: {layer!r} must have a `name` and an `async def handle(self, inner, call)`")
    if name in names:
        raise PipelineError(f"layers: there is a layer named {name!r} already; give {layer!r} another name")
    if side not in ("above", "below"):
        raise PipelineError(f'layers: {name!r} stands {side!r} {anchor!r}: must be "above" or "below"')
    if anchor not in names:
        guess = get_close_matches(str(anchor), names, n=1)
        ending = f"; did you mean {guess[0]}?" if guess else ""
        raise PipelineError(f"layers: {name!r} stands {side} {anchor!r}: must be one of {', '.join(names)}{ending}")
    return cast("Insertion", insertion)
