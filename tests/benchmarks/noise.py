"""How often two trainings that differ in their seed alone are told apart, and whether curves hold their intervals.

Run: python -m tests.benchmarks.noise [SEEDS] [DRAWS]
An A/A test first: the tiny model is trained on the questions of seven of the demo's talks with so many seeds (16), and
each pair is compared on the ten questions of two others, as `lectern compare` does it, once by rows alone and once by
rows and seeds. The spread comes from five seeds that are neither of the pair, drawn DRAWN times. Then the same
simulated, where the true parts of the variance are known. Then learning curves: simulated ones, with least squares and
a parametric bootstrap beside them, and DRAWS (8) curves of the tiny model on 3, 4, 5 and 6 talks, which predict a
training on 7.
"""

import itertools
import json
import math
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from scipy.optimize import curve_fit
from scipy.stats import t

from lectern.core.schema import BASE, TUNED, Example
from lectern.evaluation import answer_figures, copying, learning_curve, measuring, noise
from lectern.evaluation.bootstrap import Bootstrap, Interval, Statistic
from lectern.evaluation.learning_curve import Point
from lectern.evaluation.noise import Source, Spread
from lectern.evaluation.rows import RowScore
from lectern.models import chat_format, loading
from lectern.training import rendering
from tests.settings import configure
from tests.support import generating, training
from tests.support.made_up_rows import row
from tests.support.tiny import TINY

TALKS = Path("data/sources/demo")
SHOWN = ("nll", "bits_per_byte", "rougeL", "chrf", "words", "distinct2")
FROM_OTHERS, DRAWN = 5, 20
SURE = 0.95
TRAIN = training.with_params(
    r=4, alpha=8, dropout=0.0, learning_rate=1e-2, epochs=3, batch_size=4, gradient_accumulation=1,
    checkpoint_every=1000,
)  # fmt: skip


def read_talks() -> list[list[Example]]:
    """The questions of each talk with the expert's answers, as people wrote them down."""
    talks = []
    for number, path in enumerate(sorted(TALKS.glob("*.truth.json"))):
        asked = json.loads(path.read_text())["questions"]
        talks.append([row(one["text"], one["answer"], f"talk-{number}", one["start"]) for one in asked])
    return talks


def train(
    folder: Path, seed: int, trained: Iterable[Sequence[Example]], held: Sequence[Example]
) -> list[RowScore]:
    """Train the tiny model, let it answer, and score its answers."""
    tokenizer = loading.get_tokenizer(TINY)
    template = chat_format.training_template(tokenizer, TINY.chat_template)
    rows = [one for talk in trained for one in talk]
    sft = [rendering.render(part, tokenizer, template, 256, too_long="divide") for part in (rows, rows[:2])]
    training.write(folder, sft[0].rows, sft[1].rows)
    training.run(folder, training.with_params(**{**vars(TRAIN), "seed": seed}))
    generating.run(folder, folder / "adapter", held, configure_answers())
    answers = {name: generating.read(folder, name) for name in (BASE, TUNED)}
    copied = copying.index((m.content for one in rows for m in one.messages if m.role == "assistant"), 8)
    return measuring.score_rows(answers, {}, copied=copied.measure, with_similarity=False)


def configure_answers() -> generating.Generate:
    """Short answers: what is said of them is not read."""
    return configure(
        generating.Generate, max_new_tokens=16, batch_size=16, parity_prompts=1, parity_tokens=1, evals=[]
    )


def compare_seeds(number: int) -> None:
    """The A/A test on real trainings."""
    talks, began = read_talks(), time.process_time()
    held = [one for talk in talks[7:9] for one in talk]
    with tempfile.TemporaryDirectory() as folder:
        runs = [train(Path(folder), seed, talks[:7], held) for seed in range(number)]
    took = (time.process_time() - began) / number
    items = [one.item for one in runs[0]]
    figures = [answer_figures.statistics(rows, [one.answers[TUNED] for one in rows]) for rows in runs]
    bootstrap = Bootstrap(items, resamples=2000, confidence=SURE, seed=0)
    keys = [key for key in SHOWN if all(key in one for one in figures)]
    differences: dict[tuple[int, int], dict[str, Interval]] = {}
    for a, b in itertools.combinations(range(number), 2):
        pairs: dict[str, tuple[Statistic, Statistic]] = {
            key: (figures[b][key], figures[a][key]) for key in keys
        }
        differences[a, b] = bootstrap.differences(pairs)
    chance = np.random.default_rng(0)
    print(
        f"A/A: {number} seeds, {len(differences)} pairs, {len(items)} questions; {took:.1f} CPU s a training"
    )
    print(f"{'figure':<14} {'deviation':>10} {'of it rows':>10} {'rows alone':>11} {'rows and seeds':>15}")
    for key in keys:
        values = [bootstrap.interval(one[key]).value for one in figures]
        alone, both = 0, 0.0
        for (a, b), found in differences.items():
            alone += may_be_chance(found[key])
            for _ in range(DRAWN):
                others = sorted(
                    chance.permutation([n for n in range(number) if n not in (a, b)])[:FROM_OTHERS]
                )
                spread = noise.measure_spread(
                    [values[n] for n in others],
                    [differences[others[0], n][key] for n in others[1:]],
                    bootstrap.units,
                    SURE,
                )
                joined = noise.join(found[key], bootstrap.units, [Source(spread, 2)], SURE)
                both += may_be_chance(joined) / DRAWN
        every = noise.measure_spread(
            values, [found[key] for (a, _), found in differences.items() if a == 0], bootstrap.units, SURE
        )
        share = every.shared / every.deviation**2 if every.deviation else math.nan
        print(
            f"{key:<14} {every.deviation:>10.2g} {share:>10.0%} {alone / len(differences):>11.1%} "
            f"{both / len(differences):>15.1%}",
            flush=True,
        )


def may_be_chance(interval: Interval) -> bool:
    """Whether a comparison says that the two are not told apart."""
    assert interval.low is not None
    assert interval.high is not None
    return interval.low <= 0 <= interval.high


def t_interval(values: np.ndarray) -> Interval:
    """What the bootstrap comes to for the mean of many normal values."""
    n, middle = len(values), float(values.mean())
    half = float(t.ppf((1 + SURE) / 2, n - 1) * values.std(ddof=1) / math.sqrt(n))
    return Interval(middle, middle - half, middle + half, n)


def simulate_seeds(trials: int = 500) -> None:
    """The A/A test where the parts of the variance are known."""
    chance = np.random.default_rng(1)
    print(
        f"\nA/A simulated, {trials} pairs each: rows, seeds for the spread, deviation of a seed on any rows against"
    )
    print("that of a seed on one row; 'may be chance' by rows alone and by rows and seeds")
    shares = []
    for rows, seeds in itertools.product((10, 40, 160), (3, 5, 10)):
        for main, both in ((0.0, 1.0), (0.1, 1.0), (0.3, 1.0), (1.0, 1.0), (1.0, 0.1)):
            alone, joined = 0, 0
            for _ in range(trials):
                shape = (seeds + 2, 1), (seeds + 2, rows)
                figures = main * chance.normal(size=shape[0]) + both * chance.normal(size=shape[1])
                difference = t_interval(figures[0] - figures[1])
                spread = spread_of(figures[2:])
                alone += may_be_chance(difference)
                joined += may_be_chance(noise.join(difference, rows, [Source(spread, 2)], SURE))
            shares.append(joined / trials)
            print(
                f"{rows:>4} {seeds:>3} {main:>4}:{both:<4} {alone / trials:>7.1%} {joined / trials:>7.1%}",
                flush=True,
            )
    print(f"rows and seeds: {np.mean(shares):.1%} on average, {min(shares):.1%} to {max(shares):.1%}")


def spread_of(figures: np.ndarray) -> Spread:
    others = [t_interval(one - figures[0]) for one in figures[1:]]
    return noise.measure_spread([float(one.mean()) for one in figures], others, figures.shape[1], SURE)


def simulate_curves(trials: int = 300) -> None:
    """Curves of exponents from .07 to 1 with little and much noise, from 3 to 6 items; 7 and 17 are asked."""
    print(
        f"\nCurves, {trials} each: within the 95 % interval, a training on 7 and what 7 to 17 change on average"
    )
    for sizes in ([3, 5, 6], [3, 4, 5, 6], [3, 4, 5, 6, 6, 6, 6], [3, 4, 5, 6] * 3):
        for name, predict in (("this law", by_mixture), ("least squares", by_least_squares)):
            chance, hits = np.random.default_rng(2), np.zeros(2)
            asked = trials if predict is by_mixture else trials // 5
            width = []
            for _ in range(asked):
                law, deviation = draw_law(chance)
                points = [Point(n, law(n) + deviation * chance.normal()) for n in sizes]
                run, change = predict(points, chance)
                new, true = law(7) + deviation * chance.normal(), law(17) - law(7)
                hits += [run[0] <= new <= run[1], change[0] <= true <= change[1]]
                width.append((change[1] - change[0]) / abs(true))
            print(
                f"{name:<14} {len(sizes):>2} trainings {hits[0] / asked:>7.1%} {hits[1] / asked:>7.1%}, median width "
                f"{np.median(width):.2f} of the change",
                flush=True,
            )


def draw_law(chance: np.random.Generator) -> tuple[Callable[[float], float], float]:
    """A law and the noise around it."""
    exponent, fall = chance.uniform(0.07, 1.0), chance.uniform(0.2, 2.0)
    gained = fall * (3**-exponent - 6**-exponent)
    return lambda n: 2.5 + fall * n**-exponent, gained * 10 ** chance.uniform(-2, -0.3)


Bounds = tuple[float, float]


def by_mixture(points: list[Point], _: np.random.Generator) -> tuple[Bounds, Bounds]:
    """As `lectern curve` does it."""
    curve = learning_curve.fit(points)
    assert curve is not None
    run = curve.predict(7, SURE, of_a_run=True)
    return _bounds(run), _bounds(curve.change(17, SURE, since=7))


def _bounds(interval: Interval) -> Bounds:
    assert interval.low is not None
    assert interval.high is not None
    return interval.low, interval.high


def by_least_squares(
    points: list[Point], chance: np.random.Generator, draws: int = 100
) -> tuple[Bounds, Bounds]:
    """The usual way: bounded least squares, and a bootstrap of normal noise around the fitted curve."""
    sizes, values = (
        np.array([getattr(one, name) for one in points], dtype=float) for name in ("items", "value")
    )

    def law(n: np.ndarray, a: float, b: float, c: float) -> np.ndarray:
        return a + b * n**-c

    def fit(y: np.ndarray) -> np.ndarray:
        bounds = ([0.0, 0.0, 0.01], [np.inf, np.inf, 1.5])
        return np.asarray(curve_fit(law, sizes, y, [y.min() * 0.9, 1.0, 0.5], bounds=bounds, maxfev=20000)[0])

    best = fit(values)
    deviation = math.sqrt(((values - law(sizes, *best)) ** 2).sum() / max(1, len(values) - 3))
    runs, changes = [], []
    for _ in range(draws):
        again = fit(law(sizes, *best) + deviation * chance.normal(size=len(sizes)))
        seven, more = law(np.array([7.0, 17.0]), *again)
        runs.append(seven + deviation * chance.normal())
        changes.append(more - seven)
    run, change = (np.quantile(drawn, [0.025, 0.975]) for drawn in (runs, changes))
    return (float(run[0]), float(run[1])), (float(change[0]), float(change[1]))


def draw_curves(number: int) -> None:
    """Curves of real trainings: the talks in another order each time."""
    talks, held, misses, widths = read_talks(), [], [], []
    chance = np.random.default_rng(3)
    for draw in range(number):
        order = chance.permutation(9)
        held = [one for at in order[7:] for one in talks[at]]
        with tempfile.TemporaryDirectory() as folder:
            found = {
                size: sum_nats(
                    train(Path(folder), 100 * draw + size, [talks[at] for at in order[:size]], held)
                )
                for size in (3, 4, 5, 6, 7)
            }
        curve = learning_curve.fit([Point(size, found[size]) for size in (3, 4, 5, 6)])
        assert curve is not None
        low, high = _bounds(curve.predict(7, SURE, of_a_run=True))
        widths.append(high - low)
        misses.append(not low <= found[7] <= high)
        told = " ".join(f"{value:.3f}" for value in found.values())
        print(f"draw {draw}: {told}; 7 within {low:.3f} to {high:.3f}: {not misses[-1]}", flush=True)
    if number:
        print(
            f"real curves: {number - sum(misses)} of {number} held, median width {np.median(widths):.3f} nats"
        )


def sum_nats(rows: list[RowScore]) -> float:
    """The tuned model's negative log-likelihood per token."""
    answers = [one.answers[TUNED] for one in rows]
    return sum(one.nll or 0.0 for one in answers) / sum(one.tokens or 0 for one in answers)


if __name__ == "__main__":
    given = dict(enumerate(map(int, sys.argv[1:])))
    if given.get(0, 16):
        compare_seeds(given.get(0, 16))
    simulate_seeds(given.get(2, 500))
    simulate_curves(given.get(3, 300))
    draw_curves(given.get(1, 8))
