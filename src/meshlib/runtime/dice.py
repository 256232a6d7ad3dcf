"""The randomness of the real runtimes: jitter, and draws of endpoints.

A forked child has a copy of every generator. Unless it throws new dice, the workers of a server that forks would all
wait the same back-off and pick the same endpoints, which is what jitter is there to prevent.
"""

from __future__ import annotations

import random

from meshlib.runtime import fork


class Dice(random.Random):
    """Seeds itself anew in a forked child. Its methods may be called from any thread."""

    def after_fork(self) -> None:
        self.seed()


_dice = Dice()
fork.register(_dice)

dice: random.Random = _dice
"""The one of this process."""
