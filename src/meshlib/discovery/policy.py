"""Every decision of discovery: how long an answer holds, when to ask again, and which answers are refused.

A last good set is always better than none (static stability): an error, an empty answer and a spoilt one all leave it
in use, for ever, while the source is asked again. Spread is one-sided after an answer: asking before its TTL has passed
would only get the same answer out of a cache on the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

MIN_TTL, MAX_TTL = 5.0, 30.0  # seconds: what a TTL is clamped to; the upper one also where a source has none
SPREAD = 0.1  # an answer is kept up to this share longer, so that clients do not ask in step
EAGER_BASE, EAGER_MAX = 0.05, 1.0  # seconds between retries while calls wait for the first set
CALM_BASE, CALM_MAX = 1.0, 10.0  # seconds between retries while a last good set is in use
RESTART_BASE, RESTART_MAX = 1.0, 60.0  # seconds before a source that crashed is started again
LOG_EVERY = 10.0  # seconds between two log lines about one service
LOOP_PATIENCE = 0.25  # seconds after which a control loop that was never heard of counts as dead
MAX_ENDPOINTS = 10_000  # more in one answer is an error of the source, and would be ours to pay for
_MAX_EXPONENT = 16  # 2**16 of any base is past its maximum; keeps a counter of months out of the exponent


def lifetime(ttl: float | None) -> float:
    """Seconds for which an answer holds. `ttl` in seconds, None where the source has none."""
    return MAX_TTL if ttl is None else min(max(ttl, MIN_TTL), MAX_TTL)


def refresh_in(ttl: float | None, rng: Random) -> float:
    """Seconds until the source is asked again after a good answer."""
    return lifetime(ttl) * (1.0 + SPREAD * rng.random())


def retry_in(failures: int, have_set: bool, rng: Random) -> float:
    """Seconds until the source is asked again after `failures` (1, 2, ...) unusable answers in a row."""
    base, most = (CALM_BASE, CALM_MAX) if have_set else (EAGER_BASE, EAGER_MAX)
    return _equal_jitter(base, most, failures, rng)


def restart_in(crashes: int, rng: Random) -> float:
    """Seconds until a source, or the loop, is started again after `crashes` (1, 2, ...) in a row."""
    return _equal_jitter(RESTART_BASE, RESTART_MAX, crashes, rng)


def refusal(size: int, good: int, bad: Sequence[str]) -> str | None:
    """Why an answer of `size` entries with `good` distinct usable ones, and `bad` ones (each a reason), is refused.

    None: it is taken. More than half bad means that the source is broken, and the rest is not to be trusted either.
    """
    if size > MAX_ENDPOINTS:
        return f"{size} endpoints in one answer, more than {MAX_ENDPOINTS}"
    if size == 0:
        return "the answer is empty"
    if len(bad) > good:
        return f"{len(bad)} of {good + len(bad)} entries are unusable, the first: {bad[0]}"
    return None


def may_log(last: float | None, now: float) -> bool:
    """Whether a service whose last log line was written at `last` may write another."""
    return last is None or now - last >= LOG_EVERY


def patience(heard: bool, asked_at: float | None, now: float) -> float:
    """Seconds from `now` after which the control loop, asked at `asked_at`, counts as dead."""
    if heard or asked_at is None:
        return float("inf")
    return asked_at + LOOP_PATIENCE - now


def _equal_jitter(base: float, most: float, count: int, rng: Random) -> float:
    """Half fixed, half random: never at once, never in step."""
    ceiling = min(most, base * 2.0 ** min(count - 1, _MAX_EXPONENT))
    return ceiling * (0.5 + 0.5 * rng.random())
