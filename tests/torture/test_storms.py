"""After each storm nothing is leaked, every gauge is 0 and the next requests are answered at once; bare httpx is dead.

Scaled down; `make soak` plays them in full, with several seeds.
"""

from __future__ import annotations

import pytest

from tests.conftest import SEED
from tests.torture.stage import Stage
from tests.torture.weather import KINDS, ON_TRIO, SIDES, Kind, play

pytestmark = pytest.mark.realtime
FATAL = [kind for kind in KINDS if kind.dies_at is not None and kind.scaled >= kind.dies_at]


@pytest.mark.parametrize("kind", FATAL, ids=str)
@pytest.mark.filterwarnings("ignore")
def test_bare_httpx_does_not_survive(kind: Kind, stage: Stage) -> None:
    """The other side: else the storm would prove nothing."""
    assert not play(kind, SIDES[0], kind.scaled, SEED, stage).clean


@pytest.mark.parametrize("side", ["meshlib", "meshlib service"])
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_storm_leaves_nothing_behind(kind: Kind, side: str, stage: Stage) -> None:
    tally = play(kind, side, kind.scaled, SEED, stage)
    assert tally.clean, tally


@pytest.mark.parametrize("side", ["meshlib", "meshlib.httpx2 service"])
def test_nor_does_one_on_trio(side: str, stage: Stage) -> None:
    tally = play(ON_TRIO, side, ON_TRIO.scaled, SEED, stage, library="trio")
    assert tally.clean, tally


def test_every_dropped_stream_is_told_of(stage: Stage) -> None:
    kind = next(kind for kind in KINDS if kind.name == "streams dropped")
    assert play(kind, "meshlib.httpx2", 20, SEED, stage).warned == 20
