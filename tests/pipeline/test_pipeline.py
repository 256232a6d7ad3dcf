"""THE ORDER: checked, explained, and where layers of the user's go."""

import httpx
import pytest

import meshlib
from meshlib.config import load
from meshlib.endpoint import Endpoints
from meshlib.insertion import arranged
from meshlib.layer import Context
from meshlib.pipeline import BUILDERS, PIPELINE, PLACES, build, check
from meshlib.testing.server import FaultServer
from tests.ways import each_way

URL = "http://payment-service/"


class Mine:
    def __init__(self, name="mine", told=None):
        self.name = name
        self.told = told

    async def handle(self, inner, call):
        if self.told is not None:
            self.told.append((self.name, type(call).__name__))
        return await inner(call)


def context(**sections):
    settings = load(services={"payment-service": sections}, environ={})
    return Context("payment-service", settings.settings("payment-service"), Endpoints(), lambda event: None)


def test_the_table_is_in_order_and_every_row_gives_its_reason():
    check(PIPELINE)
    assert set(BUILDERS) == set(PLACES)
    assert all(place.why.endswith(".") and set(place.above) <= set(PLACES) for place in PIPELINE)
    assert len(PLACES) == len(set(PLACES))
    scopes = [place.scope for place in PIPELINE]
    assert scopes == sorted(scopes, key=["call", "attempt", "endpoint"].index)


@pytest.mark.parametrize("place", [p for p in PIPELINE if p.above], ids=lambda p: p.name)
def test_a_row_in_a_wrong_place_is_refused_with_the_reason(place):
    wrong = [*(p for p in PIPELINE if p is not place), place]
    with pytest.raises(meshlib.PipelineError) as raised:
        check(wrong)
    assert place.why in str(raised.value)
    assert place.name in str(raised.value)


def test_a_chain_is_shown_in_one_flat_line():
    shown = str(build(context(deadline={"timeout": 1}, breaker=False), [(Mine(), "above", "retry")]))
    assert "\n" not in shown
    assert shown.startswith("tracing(")
    assert " > deadline(timeout=1.0, propagate=True) > mine > retry(max_attempts=3, " in shown
    assert shown.endswith(" > tracing.attempt > wire")


def test_layers_that_are_off_are_not_in_it():
    chain = build(context(retry=False, breaker=False, tracing=False, deadline=False, attempt=False, balance=False))
    assert [name for name, _ in chain.layers] == []
    assert str(chain) == "wire"


@pytest.mark.parametrize("anchor", PLACES)
@pytest.mark.parametrize("side", ["above", "below"])
def test_a_layer_can_stand_above_and_below_each_place_and_runs_there(side, anchor):
    """Also where the anchor itself is off."""
    names = [name for name, _ in arranged(PLACES, [(Mine(), side, anchor)])]
    at = PLACES.index(anchor) + (side == "below")
    assert names == [*PLACES[:at], "mine", *PLACES[at:]]
    off = {anchor.partition(".")[0]: False}
    chain = build(context(**off), [(Mine(), side, anchor)])
    assert "mine" in [name for name, _ in chain.layers]


@each_way
@pytest.mark.parametrize("anchor", PLACES)
def test_it_is_handed_a_call_above_retry_and_an_attempt_below(way, anchor):
    told = []
    with FaultServer() as server:
        service = {"discovery": f"static://{server.address}"}
        layers = [(Mine("one", told), "above", anchor), (Mine("two", told), "below", anchor)]
        mesh = meshlib.Mesh({"payment-service": service}, layers=layers)

        async def scenario(client):
            assert (await client.get(URL)).status_code == 200

        way.run(scenario, mesh=mesh)
    edge = PLACES.index("retry")
    above = "Call" if PLACES.index(anchor) <= edge else "Attempt"
    below = "Call" if PLACES.index(anchor) < edge else "Attempt"
    assert told == [("one", above), ("two", below)]


def test_several_at_one_place_stand_in_the_order_in_which_they_are_given():
    layers = [
        (Mine("a"), "above", "retry"),
        (Mine("b"), "above", "retry"),
        (Mine("c"), "below", "retry"),
        (Mine("d"), "below", "retry"),
        (Mine("e"), "below", "c"),
    ]
    names = [name for name, _ in arranged(PLACES, layers)]
    at = names.index("retry")
    assert names[at - 2 : at + 4] == ["a", "b", "retry", "c", "e", "d"]


class Nameless:
    async def handle(self, inner, call):
        return await inner(call)


class NotAsync:
    name = "not-async"

    def handle(self, inner, call):
        return inner(call)


@pytest.mark.parametrize(
    ("insertion", "told"),
    [
        ((Mine(), "above", "rety"), r"'mine' stands above 'rety': must be one of tracing, .*did you mean retry\?"),
        ((Mine(), "over", "retry"), r"'mine' stands 'over' 'retry': must be \"above\" or \"below\""),
        ((Mine("retry"), "above", "retry"), r"there is a layer named 'retry' already"),
        ((Nameless(), "above", "retry"), r"must have a `name` and an `async def handle"),
        ((NotAsync(), "above", "retry"), r"must have a `name` and an `async def handle"),
        ((Mine, "above", "retry"), r"Mine is a class: make an object of it, Mine\(\)"),
        (Mine(), r"must be \(layer, \"above\" or \"below\", name of a layer\)"),
        ((Mine(), "above"), r"must be \(layer, \"above\" or \"below\", name of a layer\)"),
    ],
    ids=["unknown place", "unknown side", "name taken", "no name", "not async", "a class", "no tuple", "short tuple"],
)
def test_a_wrong_insertion_is_told_when_the_mesh_is_made(insertion, told):
    with pytest.raises(meshlib.PipelineError, match=told):
        meshlib.Mesh(layers=[insertion])


def test_a_decorated_handle_is_a_handle():
    from functools import wraps

    def logged(handle):
        @wraps(handle)
        def wrapped(self, inner, call):
            return handle(self, inner, call)

        return wrapped

    class Decorated:
        name = "decorated"

        @logged
        async def handle(self, inner, call):
            return await inner(call)

    with FaultServer() as server:
        mesh = meshlib.Mesh(
            {"payment-service": {"discovery": f"static://{server.address}"}}, layers=[(Decorated(), "above", "retry")]
        )
        with meshlib.Client(mesh=mesh) as client:
            assert client.get(URL).status_code == 200


def test_a_call_with_options_gets_a_chain_of_its_own_that_shares_what_was_learnt():
    service = meshlib.Mesh({"payment-service": {"discovery": "static://127.0.0.1:1"}}).route(httpx.URL(URL))
    one = service._variant(meshlib.options(retry={"max_attempts": 9})["meshlib"])
    two = service._variant(meshlib.options(retry={"max_attempts": 9})["meshlib"])
    assert one is two is not service.chain
    layers, own = dict(service.chain.layers), dict(one.layers)
    assert own["retry"].budget is layers["retry"].budget
    assert own["retry"].rules.max_attempts == 9
    assert service._variant(meshlib.options(idempotent=True)["meshlib"]) is service.chain


def test_chains_of_calls_with_options_do_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr("meshlib.service.MAX_VARIANTS", 5)
    service = meshlib.Mesh({"payment-service": {"discovery": "static://127.0.0.1:1"}}).route(httpx.URL(URL))
    for number in range(1, 30):
        service._variant(meshlib.options(deadline=float(number))["meshlib"])
    assert len(service._variants) <= 5
