"""Ratios are taken inside a round; what was not measured has no figure."""

from benchmarks.figures import Figure, Results

RESULTS = Results({"load": {"httpx": {"cpu": [100.0, 400.0, 200.0]}, "mesh": {"cpu": [50.0, 100.0, 120.0]}}})


def test_a_ratio_is_the_median_of_those_inside_a_round_and_not_of_medians() -> None:
    assert RESULTS.ratio("load", "mesh", "httpx") == Figure(0.5, 0.25, 0.6)


def test_a_difference_is_taken_inside_a_round() -> None:
    assert RESULTS.added("load", "mesh", "httpx", "cpu") == Figure(-80.0, -300.0, -50.0)


def test_a_figure_is_the_median_with_the_least_and_the_greatest() -> None:
    assert RESULTS.of("load", "httpx", "cpu") == Figure(200.0, 100.0, 400.0)


def test_what_was_not_measured_has_no_figure() -> None:
    assert RESULTS.of("load", "envoy", "cpu") is None
    assert RESULTS.ratio("load", "mesh", "envoy") is None
    assert RESULTS.ratio("other", "mesh", "httpx") is None
