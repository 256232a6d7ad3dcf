"""Only meshlib's own column decides the exit status, by the four rules and no other."""

from dataclasses import replace

import pytest

from meshlib.cli.demo.figures import Figures
from meshlib.cli.demo.verdict import complaints

GOOD = Figures(1000, 1.0, 0.99, 0.02, 0.1, 0.2, 1.02, 0, (0.0, 0.0, 0.1, 0.2, 0.0))
BAD = replace(GOOD, get_success=0.9, post_success=0.9, p99=1.0, p999=1.0)


def test_a_column_that_is_best_has_no_complaint():
    assert complaints(GOOD, [BAD, BAD]) == []


def test_the_others_may_be_as_bad_as_they_like():
    assert complaints(GOOD, [replace(BAD, posts_twice=99, attempts_per_call=9.0), BAD]) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"get_success": 0.9989}, "GET success"),
        ({"p99": 0.1101}, "p99"),
        ({"attempts_per_call": 1.101}, "attempts per call"),
        ({"posts_twice": 1}, "executed twice"),
    ],
)
def test_each_rule_complains_just_beyond_its_limit(change, told):
    found = complaints(replace(GOOD, **change), [GOOD, BAD])
    assert len(found) == 1
    assert told in found[0]


@pytest.mark.parametrize(
    "change", [{"get_success": 0.999}, {"p99": 0.11}, {"attempts_per_call": 1.1}, {"post_success": 0.0}]
)
def test_the_limits_themselves_are_allowed_and_other_figures_do_not_matter(change):
    assert complaints(replace(GOOD, **change), [GOOD, BAD]) == []


def test_it_is_measured_against_the_better_of_the_others_figure_by_figure():
    quick, right = replace(BAD, p99=0.05), replace(BAD, get_success=1.0)
    assert len(complaints(replace(GOOD, get_success=0.99), [quick, right])) == 2
