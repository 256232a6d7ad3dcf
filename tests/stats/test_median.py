from meshlib.stats.median import lower_median


def test_is_the_middle_or_the_lower_of_two_middles() -> None:
    assert lower_median([3.0, 1.0, 2.0]) == 2.0
    assert lower_median([5.0, 0.02]) == 0.02
    assert lower_median([]) is None
