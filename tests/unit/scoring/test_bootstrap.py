import numpy as np
import pytest
from scipy import stats

from stages.scoring.bootstrap import Bootstrap, Ratio, choose_unit


def means(values: np.ndarray) -> Ratio:
    return Ratio(values, np.ones(len(values)))


def rows(n: int) -> list[str]:
    """Items that make rows the unit: all of one recording."""
    return ["talk"] * n


def test_agrees_with_scipy_on_a_ratio() -> None:
    draw = np.random.default_rng(1)
    tokens = draw.integers(5, 60, 40).astype(float)
    nll = tokens * draw.normal(2.5, 0.6, 40)
    ours = Bootstrap(rows(40), resamples=20000, confidence=0.9, seed=0).interval(Ratio(nll, tokens))
    theirs = stats.bootstrap(
        (nll, tokens),
        lambda a, b, axis: a.sum(axis) / b.sum(axis),
        paired=True,
        vectorized=True,
        n_resamples=20000,
        confidence_level=0.9,
        method="percentile",
        rng=np.random.default_rng(2),
    ).confidence_interval
    # property: the same interval as another implementation of the same method, up to the luck of the draws
    assert ours.value == pytest.approx(nll.sum() / tokens.sum())
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.01)


def test_the_value_weighs_rows_by_their_tokens() -> None:
    found = Bootstrap(rows(2), resamples=100, confidence=0.95, seed=0).interval(
        Ratio(np.array([10.0, 90.0]), np.array([10.0, 30.0]))
    )
    # property: 100 nats over 40 tokens, not the mean of 1 and 3
    assert found.value == 2.5


def test_a_paired_difference_is_much_narrower_than_the_two_intervals() -> None:
    draw = np.random.default_rng(0)
    base = draw.normal(0, 10, 100)
    tuned = base - 1 + draw.normal(0, 0.1, 100)
    boot = Bootstrap(rows(100), resamples=2000, confidence=0.95, seed=0)
    found = boot.difference(means(tuned), means(base))
    single = boot.interval(means(base))
    # property: what both contestants share cancels
    assert found.low == pytest.approx(-1, abs=0.05)
    assert found.high == pytest.approx(-1, abs=0.05)
    width, single_width = found.high - found.low, single.high - single.low  # type: ignore[operator]
    assert width < 0.05 * single_width


def test_an_interval_of_95_percent_holds_the_truth_about_that_often() -> None:
    draw = np.random.default_rng(0)
    held = 0
    for _ in range(300):
        found = Bootstrap(rows(40), resamples=400, confidence=0.95, seed=0).interval(
            means(draw.normal(3, 1, 40))
        )
        held += found.low <= 3 <= found.high  # type: ignore[operator]
    # property: coverage on 40 rows, where the percentile method is a little too narrow
    assert 0.90 <= held / 300 <= 0.98


def test_rows_of_one_recording_are_redrawn_together_when_there_are_enough_recordings() -> None:
    items = [f"talk-{i // 5}" for i in range(100)]
    values = np.repeat(np.random.default_rng(0).normal(0, 1, 20), 5)  # five rows that say the same
    clustered = Bootstrap(items, resamples=2000, confidence=0.95, seed=0)
    single = Bootstrap(rows(100), resamples=2000, confidence=0.95, seed=0)
    wide, narrow = clustered.interval(means(values)), single.interval(means(values))
    # property: repeating a row five times adds no knowledge, and only redrawing recordings sees that (sqrt 5 wider)
    assert (clustered.unit, clustered.units, single.unit) == ("recordings", 20, "rows")
    ratio = (wide.high - wide.low) / (narrow.high - narrow.low)  # type: ignore[operator]
    assert ratio == pytest.approx(5**0.5, rel=0.1)


def test_too_few_recordings_fall_back_to_rows() -> None:
    # property: two recordings allow three draws, which is no interval
    assert choose_unit(["a", "b"] * 50) == "rows"
    assert choose_unit([f"talk-{i}" for i in range(10)]) == "recordings"


def test_one_row_has_a_value_and_no_interval() -> None:
    found = Bootstrap(["a"], resamples=100, confidence=0.95, seed=0).interval(means(np.array([0.5])))
    # property: nothing is invented
    assert found.as_dict() == {"value": 0.5, "low": None, "high": None, "n": 1}


def test_equal_rows_give_an_interval_of_no_width() -> None:
    found = Bootstrap(rows(6), resamples=100, confidence=0.95, seed=0).interval(means(np.ones(6)))
    # property: no NaN where nothing varies
    assert (found.low, found.high) == (1.0, 1.0)


def test_the_seed_decides_and_blocks_of_draws_do_not() -> None:
    values = means(np.random.default_rng(0).normal(0, 1, 300))
    one, again, other = (
        Bootstrap(rows(300), resamples=9000, confidence=0.95, seed=seed).interval(values)
        for seed in (0, 0, 1)
    )
    # property: the same seed gives the same bits, another seed other draws
    assert one == again
    assert one != other


@pytest.mark.parametrize(("confidence", "least"), [(0.95, 6), (0.99, 8), (0.5, 2)])
def test_too_few_unanimous_rows_prove_nothing(confidence: float, least: int) -> None:
    # All differences have one sign; below `least` rows the sign test cannot reach the confidence either.
    for count, sure in ((least - 1, False), (least, True)):
        values = np.linspace(1, 2, count)
        found = Bootstrap(rows(count), resamples=500, confidence=confidence, seed=0).interval(means(values))
        assert (found.low is not None) == sure
        assert stats.binomtest(count, count).pvalue <= 1 - confidence + 1e-12 or not sure
