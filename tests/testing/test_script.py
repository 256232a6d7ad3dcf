"""The scripted inner: the test plays everything below one layer."""

import httpx
import pytest

from meshlib.call import Attempt, Call
from meshlib.testing.script import new_call, spawn
from meshlib.testing.virtual import VirtualRuntime


class Again:
    """Tries once more, a second later, when the first failed."""

    name = "again"

    async def handle(self, inner, call):
        try:
            return await inner(call)
        except httpx.ConnectError:
            await call.runtime.sleep(1)
            return await inner(call)


def test_a_call_reads_as_a_story():
    clock = VirtualRuntime()
    start, inner = spawn(Again(), clock)
    call = start("POST", content=b"x")
    inner.expect().fail(httpx.ConnectError("refused"))
    inner.expect_nothing()
    clock.advance(0.99)
    inner.expect_nothing()
    clock.advance(0.01)
    second = inner.expect()
    assert second.what.request.method == "POST"
    second.reply(201, headers={"x": "y"}, content=b"made")
    clock.settle()
    response = call.result()
    assert (response.status_code, response.headers["x"], response.content) == (201, "y", b"made")


def test_a_layer_below_retry_is_handed_an_attempt():
    clock = VirtualRuntime()
    start, inner = spawn(Again(), clock)
    start(deadline=5.0)
    assert isinstance(inner.expect().what, Call)
    start(attempt=True, deadline=5.0)
    attempt = inner.expect().what
    assert isinstance(attempt, Attempt)
    assert attempt.deadline == 5.0


def test_what_is_not_as_the_story_says_fails():
    clock = VirtualRuntime()
    start, inner = spawn(Again(), clock)
    with pytest.raises(AssertionError, match=r"nothing was sent down by 0\.000 s"):
        inner.expect()
    start()
    with pytest.raises(AssertionError, match="1 were sent down"):
        inner.expect_nothing()


def test_an_error_of_the_layer_is_that_of_the_call():
    clock = VirtualRuntime()
    start, inner = spawn(Again(), clock)
    call = start()
    inner.expect().fail(ValueError("wrong"))
    clock.settle()
    with pytest.raises(ValueError, match="wrong"):
        call.result()


def test_a_new_call_is_that_of_the_service():
    call = new_call(VirtualRuntime(), "PUT", "http://payment-service/x", deadline=3.0)
    assert (call.service, call.request.method, call.deadline) == ("payment-service", "PUT", 3.0)
