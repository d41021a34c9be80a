"""Intervals over rows and seeds hold what they claim, and say nothing where nothing is known."""

import json
import math
from typing import Any

import numpy as np
import pytest

from lectern.core.errors import LecternError
from lectern.evaluation import learning_curve, noise, reruns
from lectern.evaluation.bootstrap import Bootstrap, Interval, mean
from lectern.evaluation.learning_curve import Point
from lectern.evaluation.noise import Source, Spread
from lectern.evaluation.rows import AnswerScore, RowScore
from tests.support import expected
from tests.support.lazily import Lazily

stats = Lazily("scipy.stats")

SURE = 0.95


def interval(values: np.ndarray) -> Interval:
    """The t interval of a mean, which the expanded percentile interval comes to for symmetric values."""
    n, middle = len(values), float(values.mean())
    half = float(stats.t.ppf((1 + SURE) / 2, n - 1) * values.std(ddof=1) / math.sqrt(n))
    return Interval(middle, middle - half, middle + half, n)


def draw(chance: np.random.Generator, runs: int, rows: int, seeds: float, both: float) -> np.ndarray:
    """Figures of (runs, rows): rows differ, seeds differ by a standard deviation, and so does each pair of them."""
    return np.asarray(
        chance.normal(size=rows)
        + seeds * chance.normal(size=(runs, 1))
        + both * chance.normal(size=(runs, rows))
    )


def measure(figures: np.ndarray) -> Spread:
    others = [interval(one - figures[0]) for one in figures[1:]]
    return noise.measure_spread([float(one.mean()) for one in figures], others, figures.shape[1], SURE)


@pytest.mark.parametrize(("rows", "runs"), [(10, 5), (40, 5), (40, 3), (40, 10)])
@pytest.mark.parametrize(("seeds", "both", "alone"), [(1.0, 0.1, 0.2), (0.3, 1.0, 0.93), (0.05, 1.0, 0.97)])
def test_of_two_trainings_that_differ_by_their_seed_alone_one_in_twenty_is_called_better(
    rows: int, runs: int, seeds: float, both: float, alone: float
) -> None:
    chance, trials = np.random.default_rng(rows + runs), 500
    wolf, rows_alone = 0, 0
    for _ in range(trials):
        figures = draw(chance, runs + 2, rows, seeds, both)
        difference = interval(figures[0] - figures[1])
        joined = noise.join(difference, rows, [Source(measure(figures[2:]), 2)], SURE)
        assert joined.low is not None
        assert joined.high is not None
        assert difference.low is not None
        assert difference.high is not None
        wolf += not joined.low <= 0 <= joined.high
        rows_alone += not difference.low <= 0 <= difference.high
    assert 0.02 <= wolf / trials <= 0.08, "95 %, and three standard errors of 500 trials"
    assert 1 - rows_alone / trials <= alone + 0.02, "what the seeds do is seen"


def test_an_interval_of_one_run_holds_what_other_rows_and_seeds_give() -> None:
    chance, trials, rows, held = np.random.default_rng(5), 500, 30, 0
    for _ in range(trials):
        figures = draw(chance, 6, rows, 0.3, 0.5)
        joined = noise.join(interval(figures[0]), rows, [Source(measure(figures[1:]), 1)], SURE)
        held += joined.low <= 0 <= joined.high  # type: ignore[operator]
    assert 0.92 <= held / trials <= 0.98


def test_the_mean_of_more_runs_is_surer() -> None:
    spread = Spread(runs=5, mean=0.0, deviation=1.0, low=0.5, high=2.0, shared=0.0, units=30)
    over = Interval(0.0, -0.1, 0.1, 30)
    widths = [
        joined.high - joined.low  # type: ignore[operator]
        for weight in (2, 1, 1 / 5)
        for joined in [noise.join(over, 30, [Source(spread, weight)], SURE)]
    ]
    # The rows add little, so that widths follow the root of the weight.
    assert widths[0] / widths[1] == pytest.approx(math.sqrt(2), rel=0.01)
    assert widths[1] / widths[2] == pytest.approx(math.sqrt(5), rel=0.05)
    assert widths[1] / 2 == pytest.approx(stats.t.ppf(0.975, 4), rel=0.01), (
        "four degrees of freedom, as five seeds have"
    )


def test_the_longer_side_of_an_interval_stays_the_longer_one() -> None:
    spread = Spread(runs=5, mean=0.0, deviation=1.0, low=0.5, high=2.0, shared=0.0, units=30)
    joined = noise.join(Interval(0.0, -1.0, 3.0, 30), 30, [Source(spread, 1)], SURE)
    assert joined.low is not None
    assert joined.high is not None
    assert 1.0 < -joined.low < joined.high
    assert joined.high > 3.0


@pytest.mark.parametrize(
    "spread",
    [
        Spread(runs=1, mean=0.0, deviation=0.0, low=None, high=None, shared=0.0, units=30),  # one seed
        Spread(runs=5, mean=0.0, deviation=0.0, low=0.0, high=0.0, shared=0.0, units=30),  # equal seeds
        Spread(
            runs=5, mean=0.0, deviation=1.0, low=0.5, high=2.0, shared=1.5, units=30
        ),  # rows explain all of it
    ],
)
def test_seeds_that_add_nothing_leave_the_interval_as_it_was(spread: Spread) -> None:
    over = Interval(0.5, -0.25, 1.5, 30)
    assert noise.join(over, 30, [Source(spread, 2)], SURE) == over


def test_an_interval_is_never_narrower_than_the_one_over_rows() -> None:
    # The rows have five degrees of freedom and the seeds 59, so that t falls by more than the variance rises.
    spread = Spread(runs=60, mean=0.0, deviation=0.1, low=0.08, high=0.12, shared=0.0, units=6)
    joined = noise.join(Interval(0.0, -1.0, 1.0, 6), 6, [Source(spread, 1)], SURE)
    assert (joined.low, joined.high) == (-1.0, 1.0)


def test_no_interval_over_rows_gives_none_over_both() -> None:
    spread = Spread(runs=5, mean=0.0, deviation=1.0, low=0.5, high=2.0, shared=0.0, units=3)
    over = Interval(0.5, None, None, 3)
    assert noise.join(over, 3, [Source(spread, 2)], SURE) == over


def test_the_standard_deviation_has_the_interval_of_textbooks() -> None:
    # Values by hand: squares sum to 10 around 3, and chi-squared of 4 degrees of freedom has .4844 and 11.143.
    spread = noise.measure_spread([1.0, 2.0, 3.0, 4.0, 5.0], [], 10, SURE)
    assert (spread.runs, spread.mean, spread.deviation) == (5, 3.0, pytest.approx(math.sqrt(2.5)))
    assert spread.low == pytest.approx(math.sqrt(10 / 11.143), rel=1e-4)
    assert spread.high == pytest.approx(math.sqrt(10 / 0.4844), rel=1e-4)
    assert spread.shared == 0.0


def test_the_rows_part_of_the_variance_is_half_of_that_of_a_difference() -> None:
    chance = np.random.default_rng(3)
    figures = draw(chance, 40, 200, 0.0, 1.0)  # all of what seeds do depends on the row
    spread = measure(figures)
    assert spread.shared == pytest.approx(1 / 200, rel=0.1)
    assert spread.deviation**2 == pytest.approx(1 / 200, rel=0.5)
    bootstrap = Bootstrap(["talk"] * 200, resamples=4000, confidence=SURE, seed=0)
    by_bootstrap = noise.measure_spread(
        [float(one.mean()) for one in figures[:2]],
        [bootstrap.difference(mean(list(figures[1])), mean(list(figures[0])))],
        bootstrap.units,
        SURE,
    )
    assert by_bootstrap.shared == pytest.approx(measure(figures[:2]).shared, rel=0.1)


def test_one_training_has_no_spread_and_none_is_an_error() -> None:
    one = noise.measure_spread([2.0], [], 10, SURE)
    assert (one.runs, one.deviation, one.low, one.high) == (1, 0.0, None, None)
    with pytest.raises(ValueError, match="no training"):
        noise.measure_spread([], [], 10, SURE)


def law(items: float, exponent: float) -> float:
    return 2.5 + 2 * items**-exponent


def fit(points: list[Point]) -> learning_curve.Curve:
    curve = learning_curve.fit(points)
    assert curve is not None
    return curve


@pytest.mark.parametrize("sizes", [[3, 5, 6], [3, 4, 5, 6], [3, 4, 5, 6, 6, 6, 6]])
def test_intervals_of_a_curve_hold_what_the_law_says(sizes: list[int]) -> None:
    # property: over curves of all exponents and noises, 7 and 17 items from 3 to 6 lie within 95 % intervals
    chance, next_run, change, trials = np.random.default_rng(len(sizes)), 0, 0, 200
    for _ in range(trials):
        exponent, deviation = chance.uniform(0.07, 1.0), 10 ** chance.uniform(-2.3, -1)
        curve = fit([Point(n, law(n, exponent) + deviation * chance.normal()) for n in sizes])
        run = curve.predict(7, SURE, of_a_run=True)
        next_run += run.low <= law(7, exponent) + deviation * chance.normal() <= run.high  # type: ignore[operator]
        more = curve.change(17, SURE)
        change += more.low <= law(17, exponent) - law(6, exponent) <= more.high  # type: ignore[operator]
    assert next_run / trials >= 0.91
    assert change / trials >= 0.91


def test_three_trainings_say_nothing_of_the_exponent() -> None:
    steep, flat = (fit([Point(3, 5.0), Point(5, middle), Point(6, 4.0)]).weights for middle in (4.1, 4.9))
    assert steep == pytest.approx(flat)
    four = [fit([Point(3, 5.0), Point(5, middle), Point(5, middle), Point(6, 4.0)]) for middle in (4.1, 4.5)]
    # property: a fourth does, and a figure that is nearly reached early is that of a large exponent
    means = [float(one.weights @ one.exponents) for one in four]
    assert means[0] > means[1]


def test_without_noise_a_curve_finds_its_law() -> None:
    curve = fit([Point(n, law(n, 0.35)) for n in (2, 4, 8, 16, 32, 64)])
    assert curve.exponents[curve.weights.argmax()] == pytest.approx(0.35, abs=0.05)
    told = curve.change(128, SURE)
    true = law(128, 0.35) - law(64, 0.35)
    assert told.value == pytest.approx(true, rel=0.1)
    assert told.high is not None
    assert told.high < 0


def test_more_noise_than_gain_cannot_be_told() -> None:
    chance = np.random.default_rng(0)
    told = fit([Point(n, 3.0 + chance.normal()) for n in (3, 4, 5, 6, 7)]).change(17, SURE)
    assert told.low is not None
    assert told.high is not None
    assert told.low < 0 < told.high


def test_more_trainings_narrow_the_interval() -> None:
    def width(repeats: int) -> float:
        chance, total = np.random.default_rng(1), 0.0
        for _ in range(10):
            sizes = [n for n in (3, 4, 5, 6, 7) for _ in range(repeats)]
            told = fit([Point(n, law(n, 0.5) + 0.05 * chance.normal()) for n in sizes]).change(8, SURE)
            total += told.high - told.low  # type: ignore[operator]
        return total

    assert width(8) < 0.75 * width(1)


@pytest.mark.parametrize("sizes", [[], [3], [3, 3, 3], [3, 7], [3, 7, 7, 7, 7]])
def test_two_sizes_have_no_curve(sizes: list[int]) -> None:
    assert learning_curve.fit([Point(n, 1.0 / n) for n in sizes]) is None


def test_equal_figures_are_expected_to_stay_equal() -> None:
    told = fit([Point(n, 4.0) for n in (3, 4, 5, 6)]).change(16, SURE)
    assert (told.value, told.low, told.high) == (pytest.approx(0, abs=1e-6),) * 3


# What the commands keep: the content of metrics/noise.


def scores(value: float, low: float | None, high: float | None, rows: int = 20) -> dict[str, Any]:
    part = {"value": value, "low": low, "high": high, "n": rows}
    return {
        "set": "held_out",
        "confidence": SURE,
        "resamples": 500,
        "recordings": 2,
        "resampled": "rows",
        "base": {"nll": {**part, "value": value + 1}},
        "tuned": {"nll": part},
        "difference": {"nll": part},
        "sets": {},
    }


def rerun(value: float, **fields: int) -> reruns.Rerun:
    figure = reruns.RerunFigure(value=value, change=value - 4.0, low=value - 4.01, high=value - 3.99, n=20)
    return reruns.Rerun(run="c0ffee", sets={"held_out": {"nll": figure}}, **fields)


OWN = scores(4.0, 3.9, 4.1)


def test_seeds_widen_the_differences_of_the_tuned_model() -> None:
    content = reruns.summarise_seeds(OWN, "name", 7, [rerun(4.2, seed=0), rerun(3.8, seed=1)])
    assert content["seeds"] == [0, 1, 7]
    assert content["sets"]["held_out"]["nll"]["deviation"] == pytest.approx(0.2)
    difference = scores(-0.2, -0.3, -0.1)
    widened = reruns.widen(difference, content)
    assert widened["seeds"] == 3
    assert widened["over_rows"] == difference["difference"]
    nll = widened["difference"]["nll"]
    assert nll["low"] < -0.3
    assert nll["high"] > 0, "what was sure over rows is not over both"
    assert widened["tuned"] == difference["tuned"]
    spread = reruns.read_spreads(content, "held_out")["nll"]
    by_hand = noise.join(Interval(-0.2, -0.3, -0.1, 20), 20, [Source(spread, 1)], SURE)
    assert (nll["low"], nll["high"]) == (
        pytest.approx(by_hand.low, abs=1e-6),
        pytest.approx(by_hand.high, abs=1e-6),
    )


def test_scores_stay_as_they_are_without_seeds() -> None:
    assert reruns.widen(OWN, None) == OWN
    one = reruns.summarise_seeds(OWN, "name", 7, [])
    assert reruns.widen(OWN, one) == OWN


def test_the_committed_seed_is_counted_once() -> None:
    content = reruns.summarise_seeds(OWN, "name", 7, [rerun(9.9, seed=7), rerun(4.2, seed=0)])
    assert content["sets"]["held_out"]["nll"]["values"] == {"7": 4.0, "0": 4.2}


def test_a_summary_of_other_scores_is_not_read() -> None:
    def write(value: float, rival: float) -> bytes:
        rivals = {"other": {"scores": {"nll": {"value": rival}}}}
        return json.dumps(
            {"tuned": {"nll": {"value": value}}, "comparators": rivals, "confidence": 0.95}
        ).encode()

    own = write(4.0, 5.0)
    text = f'{{"scores": "{reruns.name_scores(own)}", "seeds": [0]}}'
    assert reruns.read_summary(text, own, "seeds.json") == {"scores": reruns.name_scores(own), "seeds": [0]}
    assert reruns.read_summary(text, write(4.0, 6.0), "seeds.json") is not None, "the tuned model is the same"
    assert reruns.read_summary(text, write(4.1, 5.0), "seeds.json") is None
    assert reruns.read_summary(None, own, "seeds.json") is None
    for broken in ("{", "[]", "{}"):
        with pytest.raises(LecternError, match=r"seeds.json is not what .* Remove it"):
            reruns.read_summary(broken, own, "seeds.json")


def test_a_curve_takes_the_seeds_as_trainings_on_all_items() -> None:
    seeds = reruns.summarise_seeds(OWN, "name", 7, [rerun(4.02, seed=0), rerun(3.98, seed=1)])
    fewer = [rerun(4.0 + 0.1 * (7 - n), items=n, draw=0) for n in (5, 3, 4)]
    content = reruns.summarise_curve(OWN, "name", 7, fewer, seeds, 10)
    assert [(one["items"], one["value"]) for one in content["points"]] == [
        (3, 4.4), (4, 4.3), (5, 4.2), (7, 4.02), (7, 3.98), (7, 4.0)
    ]  # fmt: skip
    assert content["change"]["high"] < 0
    assert content["change"]["n"] == 6
    alone = reruns.summarise_curve(OWN, "name", 7, fewer, None, 10)
    assert [one["items"] for one in alone["points"]] == [3, 4, 5, 7]


def test_a_curve_of_two_sizes_says_why_it_tells_nothing() -> None:
    content = reruns.summarise_curve(OWN, "name", 7, [rerun(4.4, items=3, draw=0)], None, 10)
    assert content["change"] is None
    assert content["why"] == "2 different numbers of items are too few for a law, which takes 3"


def test_comparators_are_widened_unless_they_are_the_tuned_model_itself() -> None:
    content = reruns.summarise_seeds(OWN, "name", 7, [rerun(4.2, seed=0), rerun(3.8, seed=1)])
    difference = {"difference": OWN["difference"], "scores": {}}
    both = {**difference, "over_base": OWN["difference"]}
    given = {**OWN, "comparators": {"other": difference, "tuned+sources": both}}
    found = reruns.widen(given, content)["comparators"]
    assert found["tuned+sources"]["difference"] == OWN["difference"]
    assert found["tuned+sources"]["over_base"] == found["other"]["difference"]
    assert found["other"]["difference"]["nll"]["low"] < OWN["difference"]["nll"]["low"]
    assert found["other"]["scores"] == {}


def scored(number: int, nll: float) -> RowScore:
    plain: dict[str, Any] = {
        "words": 1, "distinct1": 1.0, "distinct2": None, "fourgrams": 0, "repeated_fourgrams": 0, "copied_words": 0,
        "longest_copy": 0, "finished": number % 2 == 0, "tokens": 10, "nll": nll,
    }  # fmt: skip
    return RowScore(
        id=f"{number:016x}", set="held_out", item=f"talk-{number % 3}", reference_words=2, reference_bytes=9,
        answers={"tuned": AnswerScore(**plain), "base": AnswerScore(**plain)},
    )  # fmt: skip


def test_everything_that_is_kept_of_reruns() -> None:
    other = {"talks": {**scores(3.0, 2.5, 3.5, 12), "resampled": "recordings", "recordings": 8}}
    own = {**OWN, "sets": other, "comparators": {"qwen": {"difference": OWN["difference"], "scores": {}}}}
    again = [rerun(4.03, seed=2), rerun(3.98, seed=0), rerun(4.01, seed=1)]
    again = [one.model_copy(update={"sets": {**one.sets, "talks": one.sets["held_out"]}}) for one in again]
    seeds = reruns.summarise_seeds(own, "name", 7, again)
    fewer = [rerun(4.0 + 0.1 * (7 - n), items=n, draw=draw) for n, draw in ((5, 1), (3, 0), (5, 0))]
    ours, theirs = ([scored(n, 30.0 + n % 4 + more * (n % 3)) for n in range(12)] for more in (0.0, 0.5))
    expected.check(
        "reruns.json",
        {
            "seeds": seeds,
            "curve": reruns.summarise_curve(own, "name", 7, fewer, seeds, 10),
            "too few": reruns.summarise_curve(own, "name", 7, fewer[:1], None, 1),
            "without answers": reruns.summarise_curve({**own, "tuned": {}}, "name", 7, fewer, None, 1),
            "widened": reruns.widen(own, seeds),
            "measured": reruns.measure(own, theirs[2:], ours),
            "values": reruns.get_values(own),
        },
    )
