"""The dice of the real runtimes."""

import os

import pytest

from meshlib.runtime.aio import AioRuntime
from meshlib.runtime.base import Runtime
from meshlib.runtime.sync import SyncRuntime


@pytest.mark.parametrize("kind", [SyncRuntime, AioRuntime])
def test_a_forked_child_throws_other_dice_than_its_parent_and_its_siblings(kind: type[Runtime]) -> None:
    runtime = kind()
    thrown = {_in_a_child(runtime), _in_a_child(runtime), runtime.rng.random()}
    assert len(thrown) == 3


def _in_a_child(runtime: Runtime) -> float:
    readable, writable = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(writable, repr(runtime.rng.random()).encode())
        os._exit(0)
    os.waitpid(pid, 0)
    os.close(writable)
    with os.fdopen(readable) as pipe:
        return float(pipe.read())
