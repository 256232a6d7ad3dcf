"""Run to completion: what a sync client does with a layer that waits for something it must not wait for."""

import asyncio
import gc
import threading
import time

import anyio
import httpx
import pytest
import trio

import meshlib
from meshlib.runtime.signal import Signal
from meshlib.runtime.sync import Boxed, SyncRuntime, complete
from meshlib.testing.server import FaultServer

URL = "http://payment-service/"


class Sleepy:
    """A layer of the user's that waits by `wait`, on the line marked."""

    name = "sleepy"

    def __init__(self, wait):
        self.wait = wait

    async def handle(self, inner, call):
        await self.wait()  # the line
        return await inner(call)


LINE = Sleepy.handle.__code__.co_firstlineno + 1


class Never:
    def __await__(self):
        yield self


WAITS = {
    "asyncio.sleep": lambda: asyncio.sleep(1),
    "asyncio.sleep(0)": lambda: asyncio.sleep(0),
    "anyio.sleep": lambda: anyio.sleep(1),
    "trio.sleep": lambda: trio.sleep(1),
    "asyncio.to_thread": lambda: asyncio.to_thread(int),
    "anyio.to_thread": lambda: anyio.to_thread.run_sync(int),
    "a bare awaitable": Never,
}


@pytest.fixture
def server():
    with FaultServer() as running:
        yield running


def client_of(server, layer):
    service = {"discovery": f"static://{server.address}"}
    return meshlib.Client(mesh=meshlib.Mesh({"payment-service": service}, layers=[(layer, "above", "retry")]))


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS)
def test_a_layer_that_waits_for_something_else_is_named_with_its_line(server, wait):
    with client_of(server, Sleepy(wait)) as client:
        with pytest.raises(meshlib.PipelineError) as raised:
            client.get(URL)
        assert f"Sleepy.handle (test_sync.py:{LINE})" in str(raised.value)
        assert "a layer waits only for inner and for call.runtime" in str(raised.value)
        assert meshlib.journal(raised.value) is not None
    assert server.requests == 0


@pytest.mark.parametrize("wait", [WAITS["asyncio.sleep"], WAITS["a bare awaitable"]], ids=["asyncio", "bare"])
def test_also_where_a_loop_happens_to_run(server, wait):
    async def main():
        with (
            client_of(server, Sleepy(wait)) as client,
            pytest.raises(meshlib.PipelineError, match=f"test_sync.py:{LINE}"),
        ):
            client.get(URL)

    asyncio.run(main())


def test_one_that_swallows_the_cancellation_is_named_too(server):
    class Swallows:
        name = "swallows"

        async def handle(self, inner, call):
            try:
                await Never()
            except GeneratorExit:
                await Never()

    told = r"Swallows\.handle .*swallowed the cancellation"
    with client_of(server, Swallows()) as client, pytest.raises(meshlib.PipelineError, match=told):
        client.get(URL)
    gc.collect()


def test_a_runtime_error_of_the_users_passes():
    async def wrong():
        raise RuntimeError("no such thing")

    with pytest.raises(RuntimeError, match="no such thing") as raised:
        complete(wrong())
    assert not isinstance(raised.value, meshlib.PipelineError)


def test_a_transport_that_wants_a_loop_fails_as_in_httpx(server):
    """It stands below the layers: none of them is to blame."""

    def answer(request):
        asyncio.get_running_loop()

    mesh = meshlib.Mesh({"payment-service": {"discovery": f"static://{server.address}"}})
    client = meshlib.Client(mesh=mesh, transport=httpx.MockTransport(answer))
    with client, pytest.raises(RuntimeError, match="no running event loop") as raised:
        client.get(URL)
    assert not isinstance(raised.value, meshlib.PipelineError)


def test_stop_iteration_comes_out_of_its_box():
    async def boxed():
        raise Boxed(StopIteration("end"))

    with pytest.raises(StopIteration, match="end"):
        complete(boxed())


def test_base_exceptions_pass():
    async def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        complete(interrupted())


@pytest.mark.realtime
def test_wait_is_woken_by_another_thread_and_ends_at_its_timeout():
    runtime, signal = SyncRuntime(), Signal()
    began = time.monotonic()
    assert complete(runtime.wait(signal, 0.05)) is False
    assert time.monotonic() - began >= 0.05
    threading.Timer(0.05, signal.set).start()
    assert complete(runtime.wait(signal, 5)) is True
    assert time.monotonic() - began < 4
    assert complete(runtime.wait(signal, 0)) is True
