"""What trainings that differ in one parameter from the committed run say of it: metrics/noise.

`lectern seeds` trains again with other seeds, `lectern curve` on fewer items. Each such training is a file, named by
the run that it belongs to, and the two summaries seeds.json and curve.json hold what the report and the comparison say.
A summary belongs to a run whose figures it names by their hash, and to no other.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import Field

from lectern.core import io
from lectern.core.errors import LecternError
from lectern.core.schema import HELD_OUT, TUNED, Record
from lectern.evaluation import answer_figures, learning_curve, noise
from lectern.evaluation.answer_figures import MAIN
from lectern.evaluation.bootstrap import Bootstrap, Interval
from lectern.evaluation.learning_curve import Point
from lectern.evaluation.noise import Source, Spread
from lectern.evaluation.rows import RowScore
from lectern.evaluation.summary import OVER_BASE

Scores = Mapping[str, Any]
"""The content of metrics/scores.json."""
SEEDS, CURVE = "metrics/noise/seeds.json", "metrics/noise/curve.json"


class RerunFigure(Record):
    """A figure of the tuned model of a rerun."""

    value: float
    change: float | None = Field(default=None, description="the paired difference from the committed run")
    low: float | None = Field(default=None, description="lower bound of its interval over rows")
    high: float | None = None
    n: int = Field(default=0, description="rows that both runs measure")


class Rerun(Record):
    """`metrics/noise/<kind>/<run>-<value>.json`: a training that differs from the committed run in one parameter."""

    run: str = Field(description="fingerprint of all that the training depends on but this parameter")
    seed: int | None = Field(default=None, description="`train.seed`, if that is the parameter")
    items: int | None = Field(default=None, description="`split.train_items`, if that is the parameter")
    draw: int | None = Field(default=None, description="`split.train_draw`, with `items`")
    sets: dict[str, dict[str, RerunFigure]] = Field(description="set of questions -> figure")


def name_scores(content: bytes) -> str:
    """Return the name by which a summary knows the run that it belongs to: a sha256 of the tuned model's figures.

    So a further contestant, to which the reruns say nothing, makes no other run of it.

    Args:
        content: of metrics/scores.json.
    """
    scores = json.loads(content)
    tuned = {
        name: {key: one["value"] for key, one in part.get(TUNED, {}).items()}
        for name, part in list_sets(scores).items()
    }
    return hashlib.sha256(io.to_json([scores.get("confidence"), tuned]).encode()).hexdigest()


def list_sets(scores: Scores) -> dict[str, Scores]:
    """Return set of questions -> its part of metrics/scores.json; the headline set comes first."""
    return {scores.get("set", HELD_OUT): scores, **scores.get("sets", {})}


def measure(
    scores: Scores, rows: Sequence[RowScore], own_rows: Sequence[RowScore], *, seed: int = 0
) -> dict[str, dict[str, RerunFigure]]:
    """Return the figures of a rerun for each set, with their paired differences from the committed run.

    Args:
        scores: those of the rerun.
        rows: the scored rows of the rerun.
        own_rows: those of the committed run.
        seed: of the bootstrap.
    """
    found = {}
    for name, part in list_sets(scores).items():
        theirs = {row.id: row for row in rows if row.set == name}
        pairs = [(row, theirs[row.id]) for row in own_rows if row.set == name and row.id in theirs]
        bootstrap = Bootstrap(
            [row.item for row, _ in pairs],
            resamples=scores["resamples"],
            confidence=scores["confidence"],
            seed=seed,
        )
        sides = [
            answer_figures.statistics(side, [row.answers.get(TUNED) for row in side])
            for side in ([pair[at] for pair in pairs] for at in (0, 1))
        ]
        both = {key: (sides[1][key], sides[0][key]) for key in sides[0] if key in sides[1]}
        differences = bootstrap.differences(both) if pairs else {}
        found[name] = {
            key: _describe(value["value"], differences.get(key)) for key, value in part[TUNED].items()
        }
    return found


def _describe(value: float, difference: Interval | None) -> RerunFigure:
    if difference is None:
        return RerunFigure(value=value)
    plain = difference.as_dict()
    return RerunFigure(
        value=value, change=plain["value"], low=plain["low"], high=plain["high"], n=difference.n
    )


def get_values(scores: Scores) -> dict[str, dict[str, RerunFigure]]:
    """Return the figures of a run for each set, without differences."""
    return {
        name: {key: RerunFigure(value=value["value"]) for key, value in part[TUNED].items()}
        for name, part in list_sets(scores).items()
    }


def summarise_seeds(scores: Scores, belongs_to: str, seed: int, reruns: Iterable[Rerun]) -> dict[str, Any]:
    """Return the content of seeds.json.

    Args:
        scores: those of the committed run.
        belongs_to: their name.
        seed: of the committed run.
        reruns: the other seeds.
    """
    others = {rerun.seed: rerun for rerun in reruns if rerun.seed is not None and rerun.seed != seed}
    confidence = scores["confidence"]
    sets: dict[str, dict[str, Any]] = {}
    for name, part in list_sets(scores).items():
        sets[name] = {}
        for key, own in part[TUNED].items():
            found = {
                number: one for number, rerun in others.items() if (one := rerun.sets.get(name, {}).get(key))
            }
            units = _count_units(part, max((one.n for one in found.values()), default=own["n"]))
            spread = noise.measure_spread(
                [own["value"], *(one.value for one in found.values())],
                [Interval(one.change or 0.0, one.low, one.high, one.n) for one in found.values()],
                units,
                confidence,
            )
            values = {str(seed): own["value"]} | {str(number): one.value for number, one in found.items()}
            sets[name][key] = {**_write_spread(spread), "values": values}
    return {
        "scores": belongs_to,
        "seeds": sorted([seed, *others]),
        "confidence": confidence,
        "set": scores.get("set", HELD_OUT),
        "sets": sets,
    }


def _count_units(part: Scores, rows: int) -> int:
    """The units that the bootstrap redraws in a set, of which so many rows count."""
    return int(part["recordings"]) if part.get("resampled") == "recordings" else rows


def _write_spread(spread: Spread) -> dict[str, Any]:
    numbers = {name: getattr(spread, name) for name in ("mean", "deviation", "low", "high")}
    # The variance may be far below the sixth decimal.
    return {
        "runs": spread.runs,
        "units": spread.units,
        "shared": float(f"{spread.shared:.6g}"),
        **{name: None if value is None else round(value, 6) for name, value in numbers.items()},
    }


def read_spreads(seeds: Mapping[str, Any] | None, name: str) -> dict[str, Spread]:
    """Return figure -> its spread over seeds in a set of questions; empty if that was not measured."""
    found = (seeds or {}).get("sets", {}).get(name, {})
    fields = Spread.__dataclass_fields__
    return {key: Spread(**{field: one[field] for field in fields}) for key, one in found.items()}


def summarise_curve(
    scores: Scores,
    belongs_to: str,
    items: int,
    reruns: Iterable[Rerun],
    seeds: Mapping[str, Any] | None,
    more: int,
) -> dict[str, Any]:
    """Return the content of curve.json.

    Args:
        scores: those of the committed run.
        belongs_to: their name.
        items: on how many items the committed run was trained.
        reruns: trainings on fewer.
        seeds: content of seeds.json, if it belongs to the committed run; its trainings are on all items, so that they
            say how far trainings differ.
        more: number of further items whose effect is asked for.
    """
    reruns = sorted(reruns, key=lambda one: (one.items or 0, one.draw or 0))
    name = scores.get("set", HELD_OUT)
    key = next(
        (
            key
            for key in MAIN
            if key in scores[TUNED] and all(key in one.sets.get(name, {}) for one in reruns)
        ),
        None,
    )
    content: dict[str, Any] = {
        "scores": belongs_to,
        "confidence": scores["confidence"],
        "set": name,
        "figure": key,
        "items": items,
        "more": more,
        "change": None,
        "predictions": [],
    }
    if key is None:
        return {**content, "points": [], "why": "there are no true answers to measure"}
    points: list[dict[str, Any]] = [
        {"items": one.items, "draw": one.draw, "value": one.sets[name][key].value}
        for one in reruns
        if one.items is not None and one.items < items
    ]
    again = read_values(seeds, name, key) or [scores[TUNED][key]["value"]]
    points += [{"items": items, "draw": None, "value": value} for value in again]
    curve = learning_curve.fit([Point(one["items"], one["value"]) for one in points])
    if curve is None:
        sizes = len({one["items"] for one in points})
        why = f"{sizes} different numbers of items are too few for a law, which takes {learning_curve.SIZES}"
        return {**content, "points": points, "why": why}
    confidence = float(scores["confidence"])
    return {
        **content,
        "points": points,
        "change": curve.change(items + more, confidence).as_dict(),
        "predictions": [
            {"items": number, **curve.predict(number, confidence, of_a_run=True).as_dict()}
            for number in sorted({*(one["items"] for one in points), items + 1, items + more})
        ],
    }


def read_values(seeds: Mapping[str, Any] | None, name: str, key: str) -> list[float]:
    """Return a figure of all seeds, in the order of the seeds; empty if that was not measured."""
    found = (seeds or {}).get("sets", {}).get(name, {}).get(key, {}).get("values", {})
    return [found[seed] for seed in sorted(found, key=int)]


def read_summary(text: str | None, scores: bytes, where: str) -> dict[str, Any] | None:
    """Return a summary if there is one and it belongs to these scores, else None.

    Raises:
        LecternError: the text is not a summary.
    """
    if text is None:
        return None
    own = name_scores(scores)
    try:
        found = json.loads(text)
        belongs = found["scores"] == own
    except (ValueError, KeyError, TypeError) as error:
        raise LecternError(
            f"{where} is not what `lectern seeds` and `lectern curve` write ({error!r}). Remove it, and run them again."
        ) from error
    return found if belongs else None


def widen(scores: Scores, seeds: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the scores with differences of the tuned model from others whose intervals cover rows and seeds.

    Where the spread is known, the result also has `seeds`, the number of trainings, and `over_rows`, the differences of
    the headline set with their intervals over rows alone.
    """
    if seeds is None or len(seeds["seeds"]) < 2:
        return dict(scores)
    name = scores.get("set", HELD_OUT)
    confidence = float(scores["confidence"])
    return {
        **_widen_set(scores, read_spreads(seeds, name), confidence),
        "sets": {
            other: _widen_set(part, read_spreads(seeds, other), confidence)
            for other, part in scores.get("sets", {}).items()
        },
        "seeds": len(seeds["seeds"]),
        "over_rows": scores["difference"],
    }


def _widen_set(part: Scores, spreads: Mapping[str, Spread], confidence: float) -> dict[str, Any]:
    compared = {}
    for name, one in part.get("comparators", {}).items():
        # The tuned model with something beside it differs from the tuned model by no seed, but from the base by one,
        # and no training measured another spread than that of the tuned model alone.
        over = OVER_BASE if name.startswith(TUNED) else "difference"
        wide = {over: _widen_figures(part, one[over], spreads, confidence)} if over in one else {}
        compared[name] = {**one, **wide}
    difference = _widen_figures(part, part["difference"], spreads, confidence)
    return {**part, "difference": difference, "comparators": compared}


def _widen_figures(
    part: Scores, figures: Scores, spreads: Mapping[str, Spread], confidence: float
) -> dict[str, Any]:
    return {
        key: noise.join(
            Interval(one["value"], one["low"], one["high"], one["n"]),
            _count_units(part, one["n"]),
            [Source(spreads[key], 1)],
            confidence,
        ).as_dict()
        if key in spreads
        else one
        for key, one in figures.items()
    }
