"""What a loop has read before anybody asked for it, in order and without copying more than is taken."""

from __future__ import annotations

from collections import deque


class Inbox:
    """Unread bytes. `size` is how many; it is 0 exactly when there is nothing to take."""

    __slots__ = ("_begin", "_chunks", "size")

    def __init__(self) -> None:
        self._chunks: deque[bytes] = deque()
        self._begin = 0  # of what is unread in the first chunk
        self.size = 0

    def put(self, data: bytes) -> None:
        self._chunks.append(data)
        self.size += len(data)

    def take(self, most: int) -> bytes:
        """The next bytes, `most` of them at most, out of one chunk: small ones are not joined."""
        chunk, begin = self._chunks[0], self._begin
        if len(chunk) - begin > most:
            self._begin += most
            chunk = chunk[begin : begin + most]
        else:
            self._chunks.popleft()
            self._begin = 0
            chunk = chunk[begin:]  # the very same object where begin is 0
        self.size -= len(chunk)
        return chunk

    def clear(self) -> None:
        self._chunks.clear()
        self._begin = self.size = 0
