"""A mode is checked data that survives being written as one line."""

import pytest

from meshlib.testing.server import Mode


@pytest.mark.parametrize(
    "mode",
    [
        Mode(),
        Mode.refuse(),
        Mode.fail(503, retry_after=2),
        Mode.ok(delay=0.4, spread=0.3).replace(body=b"\x00\xff", close="silent", executes=False),
        Mode.reset(after=9),
        Mode.drip_body(interval=0.5),
    ],
)
def test_what_is_written_as_json_is_read_back_the_same(mode):
    line = mode.to_json()
    assert "\n" not in line
    assert Mode.from_json(line) == mode


def test_the_default_mode_is_an_empty_object():
    assert Mode().to_json() == "{}"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"status": 99}, "Mode.status=99"),
        ({"delay": -1.0}, "Mode.delay=-1.0"),
        ({"interval": float("inf")}, "finite"),
        ({"answer": "explode"}, "must be one of whole, hang"),
        ({"close": "loud"}, "silent"),
    ],
)
def test_values_out_of_range_are_refused_by_name(fields, told):
    with pytest.raises(ValueError, match=told):
        Mode(**fields)


@pytest.mark.parametrize("line", ['{"dealy": 1}', "[1]"])
def test_an_unknown_field_is_refused(line):
    with pytest.raises(ValueError, match="fields of"):
        Mode.from_json(line)
