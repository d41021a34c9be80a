import numpy as np
import pytest

from lectern.evaluation.prediction_powered import correct_mean
from tests.support.lazily import Lazily

stats = Lazily("scipy.stats")

VALUES, SHARES = np.array([1.0, 0.5, 0.0]), (0.5, 0.2, 0.3)
TRUE = 0.6
"""The mean of people's verdicts over all pairs that could be drawn below."""


def draw(generator: np.random.Generator, rows: int, right: float) -> tuple[np.ndarray, np.ndarray]:
    """People's verdicts, and those of a judge that knows them in a share of the cases and else guesses."""
    people = generator.choice(VALUES, rows, p=SHARES)
    judge = np.where(generator.random(rows) < right, people, generator.choice(VALUES, rows))
    return people, judge


@pytest.mark.parametrize(("right", "width"), [(0.0, 1.0), (0.6, 0.82), (0.9, 0.55)])
def test_the_interval_holds_the_truth_and_a_good_judge_narrows_it(right: float, width: float) -> None:
    generator = np.random.default_rng(1)
    held, found, classical = 0, [], []
    for _ in range(400):
        people, judge = draw(generator, 330, right)
        mean = correct_mean(people[:30], judge[:30], judge[30:], 0.95).mean
        assert mean.low is not None
        assert mean.high is not None
        held += mean.low <= TRUE <= mean.high
        found.append(mean.high - mean.low)
        classical.append(2 * stats.t.ppf(0.975, 29) * people[:30].std(ddof=1) / 30**0.5)
    # property: 95 % of 400 intervals, give or take three standard errors
    assert 0.915 <= held / 400 <= 0.985
    # property: a judge at chance widens nothing, a better one narrows
    assert np.mean(found) / np.mean(classical) == pytest.approx(width, abs=0.06)


def test_a_judge_at_chance_moves_nothing() -> None:
    generator = np.random.default_rng(2)
    moved = []
    for _ in range(200):
        people, judge = draw(generator, 500, 0.0)
        moved.append(
            correct_mean(people[:100], judge[:100], judge[100:], 0.95).mean.value - people[:100].mean()
        )
    # property: far less than the standard error of people's own mean, which is about .044
    assert np.sqrt(np.mean(np.square(moved))) < 0.006


def test_a_bias_of_the_judge_is_taken_off() -> None:
    generator = np.random.default_rng(3)
    found, raw = [], []
    for _ in range(200):
        people, judge = draw(generator, 440, 0.8)
        flattered = np.minimum(1.0, judge + 0.5 * (generator.random(440) < 0.6))
        found.append(correct_mean(people[:40], flattered[:40], flattered[40:], 0.95).mean.value)
        raw.append(flattered.mean())
    assert np.mean(raw) > TRUE + 0.1
    assert np.mean(found) == pytest.approx(TRUE, abs=0.015)


def test_the_formula_of_the_paper() -> None:
    people, judge, rest = [1.0, 0.0, 1.0, 0.0, 1.0, 1.0], [1.0, 0.0, 0.0, 0.0, 1.0, 1.0], [1.0, 0.0] * 6
    found = correct_mean(people, judge, rest, 0.95)
    weight = np.cov(people, judge)[0, 1] / ((1 + 6 / 12) * np.var(judge + rest, ddof=1))
    assert found.weight == pytest.approx(weight)
    assert found.mean.value == pytest.approx(np.mean(people) - weight * (np.mean(judge) - np.mean(rest)))
    errors = np.array(people) - weight * np.array(judge)
    spread = errors.var(ddof=1) / 6 + weight**2 * np.var(rest, ddof=1) / 12
    assert found.mean.low == pytest.approx(found.mean.value - stats.t.ppf(0.975, 5) * spread**0.5)
    assert (found.mean.n, found.judged) == (6, 12)


def test_where_there_is_too_little_people_stand_alone() -> None:
    # property: too few labels have no interval, and rows without a label are not needed
    assert correct_mean([1.0, 0.0], [1.0, 0.0], [1.0, 0.0], 0.95).mean.low is None
    alone = correct_mean([1.0, 0.0] * 5, [0.0, 1.0] * 5, [], 0.95)
    assert (alone.weight, alone.mean.value) == (0.0, 0.5)
    # property: a judge that always says the same has no weight
    assert correct_mean([1.0, 0.0] * 5, [0.5] * 10, [0.5] * 30, 0.95).weight == 0.0
    with pytest.raises(ValueError, match="0 labels and 0 verdicts"):
        correct_mean([], [], [1.0], 0.95)
    with pytest.raises(ValueError, match="2 labels and 1 verdicts"):
        correct_mean([1.0, 0.0], [1.0], [1.0], 0.95)
