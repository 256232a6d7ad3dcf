"""How a pool of httpcore 1 gives connections to requests: linear in its connections, and without losing any.

The stock method looks at every connection for every idle one, and it never lets go of a connection whose request was
cancelled between the assignment and the first byte: such a connection is neither idle nor closed, and after
`max_connections` of them the pool is dead (httpcore issues 830 and 1093). httpcore2 has neither fault, and keeps its
own method. HTTP/2, where several requests share a connection, is left to the stock method as well.
"""

from __future__ import annotations

from typing import Any


class AssigningPool:
    """Mixed in above httpcore's ConnectionPool or AsyncConnectionPool. Private names of theirs: see `private.py`."""

    _connections: list[Any]
    _requests: list[Any]
    _max_connections: int
    _max_keepalive_connections: int
    _http2: bool

    def _assign_requests_to_connections(self) -> list[Any]:
        """Give queued requests a connection, in their order. Returns the connections that the caller shall close."""
        if self._http2:
            return super()._assign_requests_to_connections()  # type: ignore[misc,no-any-return]
        free, closing = self._sort_out()
        for request in self._requests:
            if not request.is_queued():
                continue
            connection = self._for(request.request.url.origin, free, closing)
            if connection is None:
                break
            request.assign_to_connection(connection)
        return closing

    def _sort_out(self) -> tuple[list[Any], list[Any]]:
        """Forget the closed ones. The others are in use, or free, or to be closed (expired, left over, too many)."""
        in_use = {request.connection for request in self._requests}
        live, free, closing = [], [], []
        for connection in self._connections:
            if connection.is_closed():
                continue
            if connection in in_use:
                live.append(connection)
            elif connection.is_idle() and not connection.has_expired():
                free.append(connection)
            else:
                closing.append(connection)
        surplus = max(len(free) - self._max_keepalive_connections, 0)
        closing += free[:surplus]
        del free[:surplus]
        self._connections = live + free
        return free, closing

    def _for(self, origin: Any, free: list[Any], closing: list[Any]) -> Any:
        """The youngest free connection to `origin`, else a new one, in the place of an idle one if need be; or None."""
        for index in range(len(free) - 1, -1, -1):
            if free[index].can_handle_request(origin):
                return free.pop(index)
        if len(self._connections) >= self._max_connections:
            if not free:
                return None
            oldest = free.pop(0)
            self._connections.remove(oldest)
            closing.append(oldest)
        connection = self.create_connection(origin)  # type: ignore[attr-defined]
        self._connections.append(connection)
        return connection
