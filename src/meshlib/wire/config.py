"""The `wire` and `tls` sections. The environment may name certificates, but nothing here switches verification off."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import BeforeValidator

from meshlib.config.section import Section, setting
from meshlib.config.values import Count, PositiveSize

if TYPE_CHECKING:
    from collections.abc import Iterator


def _readable(value: object) -> object:
    """Opened once, so that a wrong path or permission shows at start and not in the first handshake."""
    if not isinstance(value, str | Path) or not str(value):
        raise ValueError("must be the path of a PEM file")
    try:
        with Path(value).open("rb"):
            return Path(value)
    except (OSError, ValueError) as error:
        raise ValueError(f"cannot be read: {getattr(error, 'strerror', None) or 'it is not a path'}") from None


PemFile = Annotated[Path | str, BeforeValidator(_readable)]


class Wire(Section):
    """The connections to a service."""

    section: ClassVar[str] = "wire"
    switchable: ClassVar[bool] = False

    max_connections: Count = setting(100, "Connections per endpoint and client.")
    max_response_bytes: PositiveSize | None = setting(
        None, "How long a response may be, decoded; a longer one raises ResponseTooLarge.", unit="bytes"
    )


class Tls(Section):
    """Certificates for a service, in place of the client's own."""

    section: ClassVar[str] = "tls"
    default_on: ClassVar[bool] = False

    ca: PemFile | None = setting(None, "Path of the certificates (PEM) that the service's certificate must go back to.")
    cert: PemFile | None = setting(None, "Path of this client's certificate chain (PEM), with or without its key.")
    key: PemFile | None = setting(None, "Path of the certificate's private key (PEM), if it has a file of its own.")

    def conflicts(self) -> Iterator[str]:
        if self.key is not None and self.cert is None:
            yield "key is given without cert: name the certificate it belongs to"
            return
        from meshlib.wire.tls import fill

        try:
            fill(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), self)
        except ValueError as error:
            yield str(error)
