"""The randomness of the real runtimes: jitter, and draws of endpoints.

A forked child has a copy of every generator. Unless it throws new dice, the workers of a server that forks would all
wait the same back-off and pick the same endpoints, which is what jitter is there to prevent.
"""

from __future__ import annotations

import os
import random

dice = random.Random()
"""The one of this process. Its methods may be called from any thread."""

os.register_at_fork(after_in_child=dice.seed)
