"""What each threshold of a judge's ratings keeps and drops, counted by hand, and what is advised of it."""

from collections.abc import Sequence
from typing import Any

import pytest

from lectern.core.schema import Label
from lectern.evaluation.bootstrap import Bootstrap
from lectern.evaluation.labels import Labelled
from lectern.evaluation.rating_agreement import draw_curve


def labelled(number: int, *verdicts: str) -> Labelled:
    messages = [{"role": "user", "content": f"{number}?"}, {"role": "assistant", "content": "So."}]
    first = {
        "kind": "row",
        "messages": messages,
        "passage": None,
        "reference": None,
        "a": None,
        "b": None,
        "note": None,
    }
    label = Label.model_validate({**first, "verdict": verdicts[0], "by": "p0"})
    return Labelled(str(number), str(number), label, {f"p{n}": verdict for n, verdict in enumerate(verdicts)})


def curve(rows: Sequence[Labelled], ratings: Sequence[float | None], min_labels: int = 2) -> dict[str, Any]:
    bootstrap = Bootstrap([row.id for row in rows], resamples=100, confidence=0.9, seed=1)
    return draw_curve(rows, ratings, bootstrap, min_labels=min_labels)


GOOD, BAD = ("accept",), ("reject",)


def test_each_threshold_is_counted_by_hand() -> None:
    verdicts = [GOOD, GOOD, GOOD, BAD, BAD, BAD, ("accept", "reject"), GOOD, ("accept", "accept", "reject")]
    ratings = [4.75, 3.5, 2.25, 3.5, 1.0, 2.25, 5.0, None, 4.75]
    found = curve([labelled(n, *given) for n, given in enumerate(verdicts)], ratings)
    assert (found["labels"], found["rated"], found["split"]) == (9, 7, 1)
    # a row on which people are split and one without a rating count nowhere
    assert [point["threshold"] for point in found["curve"]] == [1.0, 2.25, 3.5, 4.75]
    values = [[point[key]["value"] for key in ("tpr", "tnr", "kept")] for point in found["curve"]]
    assert values == [
        pytest.approx([1, 0, 1]),
        pytest.approx([1, 1 / 3, 6 / 7]),
        pytest.approx([3 / 4, 2 / 3, 4 / 7]),
        pytest.approx([2 / 4, 1, 2 / 7]),
    ]
    # kappa by hand at 4.75: observed 5/7, by chance (4*2 + 3*5)/49
    assert found["curve"][3]["kappa"]["value"] == pytest.approx((5 / 7 - 23 / 49) / (1 - 23 / 49), abs=1e-6)
    # of 12 pairs of an accepted and a rejected row, 9 are in order and 2 tie
    assert found["auc"]["value"] == pytest.approx((9 + 2 * 0.5) / 12)
    assert found["best"] == max(found["curve"], key=lambda point: point["kappa"]["value"])
    assert found["people"]["by"] == 3


def many(count: int, good: float, bad: float) -> tuple[list[Labelled], list[float | None]]:
    rows = [labelled(n, *(GOOD if n % 2 else BAD)) for n in range(count)]
    return rows, [good if n % 2 else bad for n in range(count)]


@pytest.mark.parametrize(
    ("good", "bad", "least", "beats", "calibrated", "note"),
    [
        (
            4.5,
            2.0,
            40,
            True,
            True,
            "curate.min_rating: 4.5 keeps 100 % of what people accept and drops 100 % of what they reject.",
        ),
        (
            4.5,
            2.0,
            41,
            True,
            False,
            "The judge has been compared with people on 40 rows only (41 are asked for): leave "
            "curate.min_rating null.",
        ),
        (2.0, 4.5, 40, False, False, "leave curate.min_rating null."),
        (3.0, 3.0, 40, False, False, "leave curate.min_rating null."),
    ],
)
def test_a_rating_is_advised_where_it_beats_chance_on_enough_rows(
    good: float, bad: float, least: int, beats: bool, calibrated: bool, note: str
) -> None:
    found = curve(*many(40, good, bad), least)
    assert (found["beats_chance"], found["calibrated"]) == (beats, calibrated)
    assert found["note"].endswith(note)


def test_without_ratings_nothing_is_advised() -> None:
    rows, _ = many(4, 1.0, 1.0)
    found = curve(rows, [None] * 4)
    assert (found["curve"], found["best"], found["auc"], found["rated"]) == ([], None, None, 0)
    assert found["note"].endswith(": its scores rank nothing until it is.")
