"""`mesh.explain(url)`: what will run for a URL, read from the objects that run it, with each value's origin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshlib.pipeline import PIPELINE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshlib.layer import Layer
    from meshlib.mesh import Mesh

_WHOLE = "must be a whole URL, such as http://payment-service/charge"


def explain(mesh: Mesh, url: str) -> str:
    """Lines for a person on call. Raises ValueError for what is no URL."""
    import httpx

    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ValueError(f"{_WHOLE} ({error})") from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ValueError(_WHOLE)
    return "\n".join(_lines(mesh, parsed))


def _lines(mesh: Mesh, url: Any) -> Iterator[str]:
    yield f"{url.scheme}://{url.netloc.decode()}{url.path}"
    service = mesh.route(url)
    if service is None:
        yield "sent by plain httpx: " + (
            'unconfigured = "direct"' if mesh.enabled else "MESHLIB_ENABLED=0 switched meshlib off"
        )
        return
    config = mesh.config
    if service.settings is None or service.settings.key is None:
        yield f'no service names this host: unconfigured = "{config.unconfigured}"  [{config.unconfigured_origin}]'
        if config.unconfigured == "refuse":
            return
        if service.names is not None:
            yield f"  discovery when it is dialled; {_known(service)}"
    else:
        yield f"service {service.name}"
        yield f"  discovery {_discovery(service)}"
    built = dict(service.chain.layers)
    names = [place.name for place in PIPELINE]
    for name, layer in service.chain.layers:
        yield from _layer(name, layer, service)
    yield from _wire(service)
    off = [name for name in names if name not in built]
    yield f"  off: {', '.join(off) or 'nothing'}"


def _discovery(service: Any) -> str:
    source = service.settings.discovery
    if source is None:
        return "none: httpx resolves the name"
    return f"{source}  [{service.settings.origin('discovery')}]\n  {_known(service)}"


def _known(service: Any) -> str:
    current = service.endpoints.current
    return f"endpoints {', '.join(endpoint.name for endpoint in current.endpoints) if current else 'not asked yet'}"


def _wire(service: Any) -> Iterator[str]:
    yield "  wire"
    if service.max_connections is not None:
        origin = service.settings.origin("wire", "max_connections")
        yield f"    max_connections = {service.max_connections} per endpoint and client  [{origin}]"
    if service.max_response_bytes is not None:
        origin = service.settings.origin("wire", "max_response_bytes")
        yield f"    max_response_bytes = {service.max_response_bytes}  [{origin}]"
    for name, path in service.tls.describe().items() if service.tls is not None else ():
        yield f"    tls.{name} = {path}  [{service.settings.origin('tls', name)}]"


def _layer(name: str, layer: Layer, service: Any) -> Iterator[str]:
    yield f"  {name}"
    describe = getattr(layer, "describe", None)
    section = name.partition(".")[0]
    for key, value in describe().items() if describe else ():
        yield f"    {key} = {value}  [{service.settings.origin(section, *key.split('.'))}]"
