"""A service's own TLS: which authority it trusts, and which certificate it shows.

One context for each (module, HTTP/2 or not): httpcore sets the protocols to negotiate on the context itself.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

from meshlib.errors import ConfigError

if TYPE_CHECKING:
    from meshlib.library import Library
    from meshlib.wire.config import Tls


class ServiceTls:
    """Makes and keeps the contexts of one `tls` section; ConfigError when its files have changed for the worse."""

    def __init__(self, tls: Tls, service: str | None) -> None:
        self._tls = tls
        self._service = service
        self._contexts: dict[tuple[str, bool], ssl.SSLContext] = {}

    def context(self, library: Library, *, http2: bool) -> ssl.SSLContext:
        """The context to shake hands with; verification is always on."""
        key = (library.hx.__name__, http2)
        found = self._contexts.get(key)
        return found or self._contexts.setdefault(key, self._load(self._trusting(library)))

    def describe(self) -> dict[str, str]:
        """The files in use."""
        paths = {"ca": self._tls.ca, "cert": self._tls.cert, "key": self._tls.key}
        return {name: str(path) for name, path in paths.items() if path is not None}

    def _trusting(self, library: Library) -> Any:
        """Without `ca`, trust is what the client's module trusts by default."""
        return ssl.create_default_context() if self._tls.ca else library.hx.create_ssl_context()

    def _load(self, context: ssl.SSLContext) -> ssl.SSLContext:
        try:
            fill(context, self._tls)
        except ValueError as exc:
            raise ConfigError(f"services.{self._service}.tls: {exc}") from exc
        return context


def fill(context: ssl.SSLContext, tls: Tls) -> None:
    """Load the files of a `tls` section. Raises ValueError when one cannot be used, or they do not fit together."""
    try:
        if tls.ca:
            context.load_verify_locations(cafile=tls.ca)
        if tls.cert:
            context.load_cert_chain(tls.cert, tls.key, password=_none)
    except (OSError, ValueError) as exc:  # an SSLError is an OSError
        raise ValueError(f"cannot be used: {exc} (ca={tls.ca}, cert={tls.cert}, key={tls.key})") from exc


def _none() -> str:
    """In the place of OpenSSL's question for a password on the terminal, which a server would wait for for ever."""
    raise ValueError("the private key is encrypted, and a password cannot be given")
