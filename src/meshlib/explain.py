"""`mesh.explain(url)`: what will run for a URL, read from the objects that run it, with each value's origin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshlib.pipeline import PIPELINE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshlib.layer import Layer
    from meshlib.mesh import Mesh


def explain(mesh: Mesh, url: str) -> str:
    """Lines for a person on call."""
    import httpx

    return "\n".join(_lines(mesh, httpx.URL(url)))


def _lines(mesh: Mesh, url: Any) -> Iterator[str]:
    yield f"{url.scheme}://{url.netloc.decode()}{url.path}"
    service = mesh.route(url)
    if service is None:
        yield "sent by plain httpx: " + (
            'unconfigured = "direct"' if mesh.enabled else "MESHLIB_ENABLED=0 switched meshlib off"
        )
        return
    config = mesh.config
    if service.name is None:
        yield f'no service names this host: unconfigured = "{config.unconfigured}"  [{config.unconfigured_origin}]'
        if config.unconfigured == "refuse":
            return
    else:
        yield f"service {service.name}"
        yield f"  discovery {_discovery(service)}"
    built = dict(service.chain.layers)
    names = [place.name for place in PIPELINE]
    for name, layer in service.chain.layers:
        yield from _layer(name, layer, service)
    off = [name for name in names if name not in built]
    yield f"  off: {', '.join(off) or 'nothing'}"


def _discovery(service: Any) -> str:
    source = service.settings.discovery
    where = f"{source}  [{service.settings.origin('discovery')}]" if source else "none: httpx resolves the name"
    current = service.endpoints.current
    known = ", ".join(endpoint.name for endpoint in current.endpoints) if current else "not asked yet"
    return f"{where}\n  endpoints {known}" if source else where


def _layer(name: str, layer: Layer, service: Any) -> Iterator[str]:
    yield f"  {name}"
    describe = getattr(layer, "describe", None)
    section = name.partition(".")[0]
    for key, value in describe().items() if describe else ():
        yield f"    {key} = {value}  [{service.settings.origin(section, *key.split('.'))}]"
