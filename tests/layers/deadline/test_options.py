"""What a call sets about its own deadline, over what is configured: field by field."""

import meshlib
from meshlib.config.options import options
from meshlib.service import ServiceState
from tests.layers.chains import SERVICE, context


def timeout(**given: object) -> float | None:
    state = ServiceState(SERVICE, context(deadline={"timeout": 2.0}).settings, (), lambda event: None)
    return state.timeout(options(**given)["meshlib"])  # type: ignore[arg-type]


def test_a_call_that_sets_another_field_keeps_the_configured_timeout_for_all_its_hops() -> None:
    assert timeout(deadline=meshlib.Deadline(propagate=False)) == 2.0


def test_its_own_timeout_and_none_come_first() -> None:
    assert timeout(deadline=0.5) == 0.5
    assert timeout(deadline=False) is None
    assert timeout(retry=False) == 2.0
