"""Kappa, rates and the area under the curve, against scikit-learn, and their intervals."""

import warnings
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectern.evaluation import kappa as agreement
from lectern.evaluation.bootstrap import Bootstrap, Statistic

CLASSES = ("a", "b", "tie")
Verdicts = list[str | None]


def value(statistic: Statistic) -> float:
    rows = len(statistic.columns)
    return bootstrap([str(n) for n in range(rows)], resamples=100).interval(statistic).value


def bootstrap(units: Sequence[str], resamples: int = 2000) -> Bootstrap:
    return Bootstrap(units, resamples=resamples, confidence=0.95, seed=0)


def both(one: Verdicts, other: Verdicts) -> tuple[list[str], list[str]]:
    kept = [(a, b) for a, b in zip(one, other, strict=True) if a and b]
    return [a for a, _ in kept], [b for _, b in kept]


verdicts = st.lists(
    st.tuples(st.sampled_from([*CLASSES, None]), st.sampled_from([*CLASSES, None])), min_size=1, max_size=40
)


@given(verdicts)
def test_kappa_and_agreement_are_those_of_scikit_learn(drawn: list[tuple[str | None, str | None]]) -> None:
    from sklearn.metrics import accuracy_score, cohen_kappa_score

    one, other = [a for a, _ in drawn], [b for _, b in drawn]
    ours, theirs = both(one, other)
    kappa = value(agreement.cohen_kappa(one, other, CLASSES))
    # property: as the library computes it, over what both have judged
    if ours:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns where kappa is not defined
            known = cohen_kappa_score(ours, theirs, labels=list(CLASSES))
        assert kappa == pytest.approx(known, abs=1e-9, nan_ok=True)
        assert value(agreement.agreement(one, other)) == pytest.approx(accuracy_score(ours, theirs))
    else:
        assert np.isnan(kappa)


@given(verdicts)
def test_rates_are_the_recalls_of_scikit_learn(drawn: list[tuple[str | None, str | None]]) -> None:
    from sklearn.metrics import recall_score

    truth, judged = [a for a, _ in drawn], [b for _, b in drawn]
    people, judge = ([said == "a" for said in side] for side in both(truth, judged))
    for statistic, positive in (
        (agreement.true_positives(truth, judged, "a"), True),
        (agreement.true_negatives(truth, judged, "a"), False),
    ):
        # property: the recall of a, and of all that is not a; not defined without any
        known = recall_score(people, judge, pos_label=positive) if positive in people else float("nan")
        assert value(statistic) == pytest.approx(known, nan_ok=True)


@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from([1.0, 2.25, 3.5, 4.75, None])), min_size=1, max_size=40)
)
def test_the_area_under_the_curve_is_that_of_scikit_learn(drawn: list[tuple[bool, float | None]]) -> None:
    from sklearn.metrics import roc_auc_score

    kept = [(accepted, rating) for accepted, rating in drawn if rating is not None]
    area = value(agreement.auc([accepted for accepted, _ in drawn], [rating for _, rating in drawn]))
    # property: as the library computes it, ties of rating included; not defined with one class only
    if len({accepted for accepted, _ in kept}) == 2:
        assert area == pytest.approx(roc_auc_score(*zip(*kept, strict=True)))
    else:
        assert np.isnan(area)


def test_one_verdict_throughout_is_no_agreement_beyond_chance() -> None:
    people: Verdicts = ["a", "b", "tie"] * 11
    interval = bootstrap([str(n) for n in range(33)]).interval(
        agreement.cohen_kappa(people, ["tie"] * 33, CLASSES)
    )
    # property: exactly 0 in every draw, so that no rest of rounding lifts the lower bound above it
    assert (interval.value, interval.low, interval.high) == (0.0, 0.0, 0.0)
    # property: where people too give one verdict throughout, kappa is not defined, and no file holds NaN
    same = bootstrap([str(n) for n in range(33)]).interval(
        agreement.cohen_kappa(["tie"] * 33, ["tie"] * 33, CLASSES)
    )
    assert agreement.as_figure(same) is None


def test_questions_are_redrawn_and_not_their_pairs() -> None:
    people = ["a", "b", "tie", "a"] * 10
    judge = ["a", "b", "b", "b"] * 10
    once = bootstrap([str(n) for n in range(40)])
    # each question stands four times: no more is known than from the forty
    repeated = bootstrap([str(n) for n in range(40) for _ in range(4)])
    narrow = bootstrap([str(n) for n in range(160)])
    four = [
        agreement.cohen_kappa(
            [p for p in people for _ in range(4)], [j for j in judge for _ in range(4)], CLASSES
        )
    ] * 2
    first = once.interval(agreement.cohen_kappa(people, judge, CLASSES))
    # property: repeating the pairs of a question makes no interval narrower; counting each as new would
    assert repeated.interval(four[0]).low == pytest.approx(first.low)
    assert narrow.interval(four[1]).low > first.low + 0.05


def test_peoples_own_agreement_is_the_mean_over_each_two_of_them() -> None:
    from sklearn.metrics import cohen_kappa_score

    rng = np.random.default_rng(3)
    asha, ben, cleo = (rng.choice(CLASSES, 30).tolist() for _ in range(3))
    ben[:20] = asha[:20]
    given_ = [{"asha": a, "ben": b} for a, b in zip(asha, ben, strict=True)]
    for number in range(12):
        given_[number]["cleo"] = cleo[number]
    known = [
        cohen_kappa_score(asha, ben),
        cohen_kappa_score(asha[:12], cleo[:12]),
        cohen_kappa_score(ben[:12], cleo[:12]),
    ]
    # property: over what each two have both judged
    assert value(agreement.mean_kappa(given_, CLASSES)) == pytest.approx(np.mean(known))
    # property: one person agrees with nobody
    alone = agreement.describe_people([{"asha": "a"}] * 9, bootstrap([str(n) for n in range(9)]), CLASSES)
    assert alone == {"by": 1, "kappa": None}


def test_the_interval_of_kappa_covers_the_truth() -> None:
    # A judge that gives people's verdict in 70 % of the cases, and else draws one: kappa is known.
    rng = np.random.default_rng(5)
    truth = 0.7
    inside = 0
    for _ in range(200):
        people = rng.integers(0, 3, 66)
        judge = np.where(rng.random(66) < truth, people, rng.integers(0, 3, 66))
        found = bootstrap([str(n // 2) for n in range(66)], resamples=400).interval(
            agreement.cohen_kappa([CLASSES[n] for n in people], [CLASSES[n] for n in judge], CLASSES)
        )
        assert found.low is not None
        assert found.high is not None
        inside += found.low <= truth <= found.high
    # property: 95 % intervals hold the truth in about 95 % of 200 trials (three standard errors are 4.6 %)
    assert 0.90 <= inside / 200 <= 0.99


def test_a_thing_counts_where_any_two_people_have_judged_it() -> None:
    verdicts = [
        {"asha": "a", "ben": "a"},
        {"ben": "b", "cleo": "b"},
        {"asha": "tie"},
        {},
        {"asha": "b", "ben": "a", "cleo": "a"},
    ]
    statistic = agreement.mean_kappa(verdicts, CLASSES)
    # property: how many things the figure rests on are those that two have judged, whichever two
    assert statistic.measured is not None
    assert statistic.measured.tolist() == [True, True, False, False, True]
    assert bootstrap([str(n) for n in range(5)]).interval(statistic).n == 3
