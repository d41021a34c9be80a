"""Say what the tuning made the model forget: sentences, one example, and a table of the figures."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lectern.answering.general import Result
from lectern.core.schema import BASE, TUNED
from lectern.evaluation import forgetting
from lectern.evaluation.figure_type import Figure
from lectern.report import figures, wording


def build(found: Mapping[str, Any], base: Sequence[Result], tuned: Sequence[Result]) -> dict[str, Any] | None:
    """Return what the report shows of metrics/forgetting.json; None if nothing was measured.

    Args:
        found: content of metrics/forgetting.json; empty if the stage did not run.
        base: the rows of data/forgetting/base.jsonl.
        tuned: the rows of data/forgetting/tuned.jsonl.

    Returns:
        `sentence`: the main one, with its figure and interval. `tone`: its verdict. `more`: further sentences.
        `example`: a question that only the base model answers right, or None. `rows`: the table.
    """
    told = [tell(found) for tell in (_tell_text, _tell_questions, _tell_refusals) if found]
    sentences = [one for one in told if one is not None]
    tasks = list(_list_tasks(found))
    if not sentences and not tasks:
        return None
    first, *more = sentences or [
        {"text": "Only tasks of lm-evaluation-harness were done.", "tone": "unclear"}
    ]
    return {
        "sentence": first["text"],
        "tone": first["tone"],
        "more": [one["text"] for one in more],
        "example": choose_example(base, tuned),
        "rows": [*_list_rows(found), *tasks],
        "confidence": wording.percent(found["confidence"]),
    }


def _tell_text(found: Mapping[str, Any]) -> dict[str, str] | None:
    text = found.get("text")
    if text is None:
        return None
    difference = text["difference"]["nll"]
    verdict = wording.judge(difference, lower_is_better=True)
    where = f"{wording.count(text['passages'], 'passage')} of general text"
    value = fall(difference["value"])
    if verdict == "unknown":
        change = f"{_size(value)} {'less' if value >= 0 else 'more'} likely"
        said = f"On {where} the tuned model finds each token {change} on average; that is too few for an interval."
    elif verdict == "unclear":
        factor = wording.times(difference, digits=2, tie="; below 1 it would have forgotten")
        said = f"On {where} nothing shows: the tuned model rates each token {factor} as the base model does."
    else:
        low, high = sorted(map(abs, _bounds(difference)))
        less = verdict == "worse"
        said = (
            f"{'It forgot something' if less else 'General text shows no forgetting'}: on {where} the tuned model "
            f"finds each token (a word or a part of one) {_size(value)} {'less' if less else 'more'} likely than the "
            f"base model does, on average ({_sure(found)} interval {_size(low)} to {_size(high)})."
        )
    return {"text": said, "tone": verdict}


def fall(difference: float) -> float:
    """Return by what share the mean probability of a token falls (geometric mean) if it costs so many nats more."""
    return 1 - math.exp(-difference)


def _bounds(difference: Mapping[str, float]) -> tuple[float, float]:
    return fall(difference["low"]), fall(difference["high"])


def _size(share: float) -> str:
    """Write a size without its sign, with two digits: `4.1 %`, `0.23 %`."""
    points = abs(100 * share)
    return f"{points:.{0 if points >= 9.95 else min(3, wording.places(points / 10) - 1)}f} %"


def _sure(found: Mapping[str, Any]) -> str:
    return wording.percent(found["confidence"])


def _tell_questions(found: Mapping[str, Any]) -> dict[str, str] | None:
    asked = found.get("questions")
    if asked is None:
        return None
    number, difference = asked["questions"], asked["difference"]["right"]
    base, tuned = (round(asked[side]["right"]["value"] * number) for side in (BASE, TUNED))
    verdict = wording.judge(difference, lower_is_better=False)
    interval = figures.show_change_interval(forgetting.RIGHT, difference)
    ending = f", {_sure(found)} interval {interval}" if interval else ""
    chance = {"unclear": ", which may be chance", "unknown": ", too few for an interval"}.get(verdict, "")
    said = (
        f"Of {wording.count(number, 'general question')} the base model answers {base} right and the tuned model "
        f"{tuned}: it lost {asked['lost']} and gained {asked['gained']} "
        f"({figures.show_change(forgetting.RIGHT, difference['value'])} percentage points{ending}){chance}."
    )
    return {"text": said, "tone": verdict}


def _tell_refusals(found: Mapping[str, Any]) -> dict[str, str] | None:
    refusals = found.get("refusals")
    if refusals is None:
        return None
    number, declined, kept = refusals["requests"], refusals["base_declines"], refusals["kept"]
    opening = (
        f"Of {wording.count(number, 'request')} that should be declined, the base model declines {declined}"
    )
    if kept is None:
        return {"text": f"{opening}, so there was nothing to forget.", "tone": "unclear"}
    still = round(kept["value"] * kept["n"])
    interval = figures.show_interval(forgetting.RIGHT, kept)
    ending = f" ({wording.share(kept['value'])}, {_sure(found)} interval {interval})" if interval else ""
    return {"text": f"{opening}; the tuned model still declines {still} of these{ending}.", "tone": "unclear"}


def choose_example(base: Sequence[Result], tuned: Sequence[Result]) -> dict[str, str] | None:
    """Return the lost question whose right answer became least likely; None if no question was lost."""
    lost = [
        (before, after)
        for before, after in forgetting.pair(base, tuned)
        if before.kind == "question"
        and forgetting.is_right(before.prediction or "", before.answers)
        and not forgetting.is_right(after.prediction or "", after.answers)
    ]
    if not lost:
        return None
    before, after = max(lost, key=lambda pair: ((pair[1].nll or 0) - (pair[0].nll or 0), pair[0].id))
    return {
        "question": str(before.prompt),
        "answer": before.answers[0],
        "base": wording.short(before.prediction or "", 200),
        "tuned": wording.short(after.prediction or "", 200),
    }


def _list_rows(found: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    if (text := found.get("text")) is not None:
        for figure in (forgetting.TEXT, forgetting.BITS):
            yield _row(figure, figure.name, text)
        for domain, part in found["domains"].items():
            yield _row(forgetting.TEXT, domain, part)
    if (asked := found.get("questions")) is not None:
        for figure in (forgetting.RIGHT, forgetting.ANSWER):
            yield _row(figure, figure.name, asked)


def _list_tasks(found: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    for task, metrics in found.get("tasks", {}).items():
        for metric, parts in metrics.items():
            better = parts["higher_is_better"]
            name = f"{wording.short(task, 40)}, {wording.short(metric, 20)}"
            figure = Figure(
                key=metric,
                name=name,
                about="task of lm-evaluation-harness",
                lower_is_better=None if better is None else not better,
                digits=3,
            )
            yield _row(figure, name, {side: {metric: parts[side]} for side in (BASE, TUNED, "difference")})


def _row(figure: Figure, name: str, part: Mapping[str, Any]) -> dict[str, str]:
    difference = part["difference"][figure.key]
    return {
        "name": name,
        "about": figure.about,
        "n": f"{difference['n']:,}" if "n" in difference else "",
        "base": figures.show(figure, part[BASE][figure.key]["value"]),
        "tuned": figures.show(figure, part[TUNED][figure.key]["value"]),
        "difference": figures.show_change(figure, difference["value"]),
        "interval": figures.show_change_interval(figure, difference),
        **figures.tell(figure, difference),
    }
