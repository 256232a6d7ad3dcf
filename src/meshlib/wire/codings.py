"""How long a body is once it is decoded, without ever holding more than a piece of it.

640 bytes of `gzip` in `gzip` are 300 MB, and httpx decodes whatever came in one read at once. So a body with a limit is
decoded here first, piece by piece, and only counted. It is handed on when httpx may decode it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from meshlib.wire.pieces import CannotDecodeError, decoder
from meshlib.wire.private import decoded_codings

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_CODINGS = 5
"""As in httpx2; httpx has no limit of its own, and each coding multiplies by up to 1 000."""
LONGER, SPARE = 2, 1024
"""An encoded body may have `LONGER * limit + SPARE` bytes: flushed in small parts, it is longer than decoded."""


class OverLimitError(Exception):
    """More bytes than the limit allows."""


class Meter:
    """Counts a body at each stage: as it came, after each of its codings, and decoded.

    `codings` are those that httpx would undo, in the order in which they were applied; at most MAX_CODINGS. Raises
    UnmeasurableError for one that cannot be undone piece by piece.
    """

    def __init__(self, codings: Sequence[str], limit: int, hx: Any) -> None:
        self._stages = [decoder(coding, hx) for coding in reversed(codings)]
        self._counts = [0] * (len(codings) + 1)
        self._most = [LONGER * limit + SPARE] * len(codings) + [limit]

    @property
    def most(self) -> int:
        """Bytes that the body may have as it comes."""
        return self._most[0]

    def add(self, data: bytes) -> None:
        """Count the next bytes of the body as it came. Raises OverLimitError."""
        try:
            self._add(0, data)
        except CannotDecodeError:  # httpx raises DecodingError for these bytes, if the body is to be decoded at all
            self._stages.clear()

    def _add(self, at: int, data: bytes) -> None:
        self._counts[at] += len(data)
        if self._counts[at] > self._most[at]:
            raise OverLimitError
        if at < len(self._stages):
            self._stages[at].decode(data, partial(self._add, at + 1))


def codings_of(headers: Any, hx: Any) -> list[str]:
    """The content codings that httpx undoes when it reads a response with these headers; it leaves others alone."""
    known = decoded_codings(hx)
    named = [value.strip().lower() for value in headers.get_list("content-encoding", split_commas=True)]
    return [value for value in named if value in known and value != "identity"]
