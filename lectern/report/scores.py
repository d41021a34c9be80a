"""Show the figures of each set of questions as pictures and tables, and the main figures as tiles."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from lectern.core.schema import BASE, DIALOGUES, HELD_OUT, TUNED
from lectern.evaluation import answer_figures
from lectern.evaluation.answer_figures import FIGURES, GROUPS
from lectern.evaluation.figure_type import Figure
from lectern.evaluation.judge_figures import WIN_RATE
from lectern.report import drawing, wording
from lectern.report.figures import show, show_change, show_change_interval, show_interval, tell

TILES = ("nll", "perplexity", "rougeL", "similarity")
"""The most important figures, which are shown as tiles."""
FILES = ("gguf", "merged")
"""Kinds of contestants that are a file, such as `lectern export` writes."""
SET_NAMES = {HELD_OUT: "held-out answers", DIALOGUES: "held-out dialogues"}
Scores = Mapping[str, Any]


def name_set(name: str) -> str:
    """What a set is called: an evaluation set by its own name."""
    return SET_NAMES.get(name, wording.short(name))


def build_tiles(scores: Scores, trusted: Mapping[str, Any] | None) -> list[dict[str, str]]:
    """The main figures, and the win rate of a judge that agrees with people; no other win rate is `trusted`."""
    tiles = []
    for figure in (FIGURES[key] for key in TILES if key in scores["difference"]):
        difference = scores["difference"][figure.key]
        tiles.append(
            {
                "name": figure.name,
                "base": show(figure, scores[BASE][figure.key]["value"]),
                "tuned": show(figure, scores[TUNED][figure.key]["value"]),
                "change": show_change(figure, difference["value"]),
                **tell(figure, difference),
            }
        )
    if trusted:
        rate = trusted["win_rate"]
        verdict = wording.judge_rate(rate)
        tiles.append(
            {
                "name": f"{WIN_RATE.name}, of {rate['n']:,}",
                "base": "",
                "tuned": show(WIN_RATE, rate["value"]),
                "change": show_interval(WIN_RATE, rate) or "ties count half",
                "verdict": wording.VERDICTS[verdict],
                "tone": verdict,
            }
        )
    return tiles


def build_sets(scores: Scores, contestants: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the headline set and then the others by name, each with its pictures and tables.

    Args:
        scores: content of metrics/scores.json.
        contestants: name -> contestant, from metrics/generation.json; some may be missing.
    """
    first = scores.get("set", HELD_OUT)
    sets = [(first, scores), *sorted(scores.get("sets", {}).items())]
    return [_set(name, part, contestants, scores["confidence"]) for name, part in sets]


def _set(
    name: str, scores: Scores, contestants: Mapping[str, Mapping[str, Any]], confidence: float
) -> dict[str, Any]:
    lanes = _lanes(scores)
    groups = [
        {"name": title, "about": about, "figures": shown}
        for title, about in GROUPS.items()
        if (
            shown := build_figures(_in_group(title), lanes, scores["difference"], scores.get("reference", {}))
        )
    ]
    return {
        "name": name_set(name),
        "rows": scores["rows"],
        "on": f"{wording.asked(name, scores['rows'])} from {wording.count(scores['recordings'], 'source')}",
        "drawn": "whole sources" if scores.get("resampled") == "recordings" else "answers",
        "summary": _summarise(scores),
        "groups": groups,
        "comparators": [
            _comparator(other, part, scores[TUNED], contestants)
            for other, part in sorted(scores.get("comparators", {}).items())
        ],
        "cleaned": [
            _cleaned(side, part, _scores_of(scores, side))
            for side, part in sorted(scores.get("cleaned", {}).items())
        ],
        "confidence": wording.percent(confidence),
    }


def _in_group(group: str) -> Iterator[Figure]:
    return (figure for figure in FIGURES.values() if figure.group == group)


def _summarise(scores: Scores) -> list[dict[str, str]]:
    """Summarise the likelihood, or else the first figure that there is, in a few words."""
    for key in ("nll", "similarity", "rougeL", "length_ratio"):
        if key in scores["difference"]:
            figure, difference = FIGURES[key], scores["difference"][key]
            return [
                {
                    "text": f"{figure.name} {show_change(figure, difference['value'])}",
                    **tell(figure, difference),
                }
            ]
    return []


def _lanes(scores: Scores) -> dict[str, Mapping[str, Mapping[str, Any]]]:
    """Return contestant -> its figures, without those that cannot be compared because of another tokenizer."""
    lanes = {BASE: scores[BASE], TUNED: scores[TUNED]}
    for name, part in sorted(scores.get("comparators", {}).items()):
        lanes[name] = {
            key: value
            for key, value in part["scores"].items()
            if key not in answer_figures.of_tokens() or key in part["difference"]
        }
    return lanes


def build_figures(
    figures: Iterable[Figure],
    lanes: Mapping[str, Mapping[str, Mapping[str, Any]]],
    difference: Mapping[str, Mapping[str, Any]],
    reference: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[dict[str, Any]]:
    """Return a picture of each figure that was measured for both base and tuned."""
    return [
        _figure(
            figure,
            {name: values[figure.key] for name, values in lanes.items() if figure.key in values},
            difference[figure.key],
            (reference or {}).get(figure.key),
        )
        for figure in figures
        if figure.key in difference and all(figure.key in lanes[side] for side in (BASE, TUNED))
    ]


def _figure(
    figure: Figure,
    lanes: Mapping[str, Mapping[str, Any]],
    difference: Mapping[str, Any],
    reference: Mapping[str, Any] | None,
) -> dict[str, Any]:
    parts = [*lanes.values(), *([reference] if reference else [])]
    known = [part[key] for part in parts for key in ("value", "low", "high") if part.get(key) is not None]
    reaches = [1.0] if figure.is_share and max(known) > 0.5 else []
    scale = drawing.scale([*known, *reaches], from_zero=True)
    shown = [
        {
            "name": name,
            "side": name if name in (BASE, TUNED) else "other",
            "text": show(figure, part["value"]),
            "interval": show_interval(figure, part),
            "y": 16 + 24 * at,
            **drawing.dot(scale, part),
        }
        for at, (name, part) in enumerate(lanes.items())
    ]
    return {
        "name": figure.name,
        "about": figure.about,
        "lanes": shown,
        "height": 8 + 24 * len(shown),
        "reference": None
        if reference is None
        else {
            "at": scale.at(reference["value"]),
            "text": show(figure, reference["value"]),
            "interval": show_interval(figure, reference),
        },
        "ticks": [{"at": scale.at(tick), "text": _tick(figure, scale, tick)} for tick in scale.ticks],
        "change": show_change(figure, difference["value"]),
        "change_interval": show_change_interval(figure, difference),
        **tell(figure, difference),
        "n": f"{difference['n']:,}",
    }


def _tick(figure: Figure, scale: drawing.Scale, tick: float) -> str:
    return f"{100 * tick:.3g} %" if figure.is_share else scale.label(tick)


def _comparator(
    name: str, part: Scores, tuned: Scores, contestants: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    rows = [
        _values(figure, [part["scores"][figure.key], tuned.get(figure.key)])
        | _change(figure, part["difference"].get(figure.key))
        for figure in FIGURES.values()
        if figure.key in part["scores"]
    ]
    known = contestants.get(name, {})
    what = "a file" if known.get("kind") in FILES else "another model"
    return {"name": name, "what": what, "about": describe_model(known), "rows": rows}


def _cleaned(name: str, part: Scores, before: Scores) -> dict[str, Any]:
    rows = [
        _values(figure, [before.get(figure.key), part["scores"].get(figure.key)])
        | _change(figure, part["difference"][figure.key])
        for figure in FIGURES.values()
        if figure.key in part["difference"]
    ]
    return {"name": name, "rows": rows}


def _scores_of(scores: Scores, name: str) -> Scores:
    """Return the figures of any contestant."""
    if name in (BASE, TUNED):
        return scores[name]
    return scores.get("comparators", {}).get(name, {}).get("scores", {})


def _values(figure: Figure, parts: Sequence[Mapping[str, Any] | None]) -> dict[str, Any]:
    return {
        "name": figure.name,
        "values": [
            {"text": "", "interval": ""}
            if part is None
            else {"text": show(figure, part["value"]), "interval": show_interval(figure, part)}
            for part in parts
        ],
    }


def _change(figure: Figure, difference: Mapping[str, Any] | None) -> dict[str, str]:
    if difference is None:
        verdict = "other tokens" if figure.key in answer_figures.of_tokens() else "not compared"
        return {"change": "", "change_interval": "", "verdict": verdict, "tone": "unknown"}
    return {
        "change": show_change(figure, difference["value"]),
        "change_interval": show_change_interval(figure, difference),
        **tell(figure, difference),
    }


def describe_model(contestant: Mapping[str, Any]) -> str:
    """Write a model such as `HuggingFaceTB/SmolLM2-135M-Instruct at 12fd25f77366`; empty if it is unknown."""
    if not contestant.get("model"):
        return ""
    name = wording.short(str(contestant["model"]))
    revision = wording.short(str(contestant.get("revision") or ""), 12).rstrip("\u2026")
    return f"{name} at {revision}" if revision else name
