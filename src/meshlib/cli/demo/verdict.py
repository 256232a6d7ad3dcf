"""Whether meshlib's own column kept its word; nothing else decides the demo's exit status. Pure."""

from __future__ import annotations

from meshlib.cli.demo.figures import Figures

GET_SLACK = 0.001  # 0.1 points of GET success below the better of the others
P99_RATIO = 1.1
ATTEMPTS = 1.1  # per call
ROUNDING = 1e-9


def complaints(mesh: Figures, others: list[Figures]) -> list[str]:
    """What is wrong with meshlib's column, in words; empty if nothing is."""
    best_get = max(other.get_success for other in others)
    best_p99 = min(other.p99 for other in others)
    found: list[str] = []
    if mesh.get_success < best_get - GET_SLACK - ROUNDING:
        found.append(f"GET success {mesh.get_success:.2%} is more than 0.1 points below {best_get:.2%}")
    if mesh.p99 > P99_RATIO * best_p99 + ROUNDING:
        found.append(f"p99 {mesh.p99 * 1000:.0f} ms is more than {P99_RATIO} times {best_p99 * 1000:.0f} ms")
    if mesh.attempts_per_call > ATTEMPTS + ROUNDING:
        found.append(f"{mesh.attempts_per_call:.3f} attempts per call are more than {ATTEMPTS}")
    if mesh.posts_twice:
        found.append(f"{mesh.posts_twice} POSTs were executed twice")
    return found
