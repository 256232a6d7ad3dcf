"""Which source serves a discovery URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshlib.discovery.system import SystemLookup

if TYPE_CHECKING:
    from meshlib.discovery.config import Source
    from meshlib.discovery.lookup import Lookup


def lookup_for(source: Source) -> Lookup:
    """The look-up of a source; ports are the watch's business, not its."""
    if source.scheme == "dns":
        from meshlib.discovery.dns import DnsLookup  # here: dnspython is imported when it is first needed

        return DnsLookup(source.name, source.server)
    return SystemLookup(source.name)
