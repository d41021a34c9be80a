"""Measure how well a judge's ratings separate rows that people accept from rows that they reject."""

from collections.abc import Mapping, Sequence
from typing import Any

from lectern.evaluation.bootstrap import Bootstrap, mean
from lectern.evaluation.kappa import (
    CHANCE,
    UNCOMPARED,
    as_figures,
    auc,
    cohen_kappa,
    describe_people,
    true_negatives,
    true_positives,
)
from lectern.evaluation.labels import ROW_VERDICTS, Labelled


def draw_curve(
    rows: Sequence[Labelled], ratings: Sequence[float | None], bootstrap: Bootstrap, *, min_labels: int
) -> dict[str, Any]:
    """For each threshold of a judge's rating, measure how many accepted rows it keeps and rejected ones it drops.

    The best threshold is the one with the greatest kappa, so its kappa is biased in favour of the judge. Whether the
    judge is better than chance is therefore decided by the area under the ROC curve, for which nothing is chosen.

    Args:
        rows: labelled rows, of shape (rows,). Rows on which people are split do not count.
        ratings: the judge's rating of each row; None where it gave none.
        bootstrap: over the same rows, with their questions as units.
        min_labels: least number of rated rows with which the judge can count as calibrated.
    """
    truth = [row.verdict for row in rows]
    rated = [rating if verdict else None for rating, verdict in zip(ratings, truth, strict=True)]
    steps = sorted({rating for rating in rated if rating is not None})
    area = as_figures(bootstrap, {"auc": auc([verdict == "accept" for verdict in truth], rated)})["auc"]
    curve = [{"threshold": step, **_at(step, truth, rated, bootstrap)} for step in steps]
    defined = [point for point in curve if point["kappa"] is not None]
    best = max(defined, key=lambda point: point["kappa"]["value"], default=None)
    count = sum(rating is not None for rating in rated)
    better = area is not None and area["low"] is not None and area["low"] > 0.5
    return {
        "labels": len(rows),
        "rated": count,
        "split": truth.count(None),
        "auc": area,
        "beats_chance": better,
        "calibrated": better and count >= min_labels,
        "note": _advise(count, best if better else None, min_labels),
        "best": best,
        "curve": curve,
        "people": describe_people([row.by for row in rows], bootstrap, ROW_VERDICTS),
    }


def _at(
    threshold: float, truth: Sequence[str | None], rated: Sequence[float | None], bootstrap: Bootstrap
) -> dict[str, Any]:
    judged = [None if r is None else "accept" if r >= threshold else "reject" for r in rated]
    kept = mean([None if one is None else float(one == "accept") for one in judged])
    return as_figures(
        bootstrap,
        {
            "tpr": true_positives(truth, judged, "accept"),
            "tnr": true_negatives(truth, judged, "accept"),
            "kappa": cohen_kappa(truth, judged, ROW_VERDICTS),
            "kept": kept,
        },
    )


def _advise(rated: int, best: Mapping[str, Any] | None, min_labels: int) -> str:
    if not rated:
        return f"The judge {UNCOMPARED}: its scores rank nothing until it is."
    if rated < min_labels:
        return (
            f"The judge has been compared with people on {rated} rows only ({min_labels} are asked for): leave "
            "curate.min_rating null."
        )
    if best is None:
        return f"The judge {CHANCE}: leave curate.min_rating null."
    return (
        f"curate.min_rating: {best['threshold']:g} keeps {100 * best['tpr']['value']:.0f} % of what people accept and "
        f"drops {100 * best['tnr']['value']:.0f} % of what they reject."
    )
