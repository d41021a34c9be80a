"""Say whether looking it up would do as well as the tuning, and how well the search finds what it is asked for."""

from collections.abc import Mapping
from typing import Any

from lectern.core.schema import BASE, HELD_OUT, TUNED, WITH_SOURCES
from lectern.evaluation.answer_figures import FIGURES
from lectern.evaluation.summary import OVER_BASE
from lectern.report import wording
from lectern.report.figures import show, show_change_interval

COMPARED = ("nll", "similarity", "rougeL")
"""The figures by which answers are compared, the most telling first."""
WHO = {
    TUNED: "the tuned model alone",
    BASE + WITH_SOURCES: "the base model with a search",
    TUNED + WITH_SOURCES: "the tuned model with a search",
}
RANKINGS = {
    "both": "words and meanings together",
    "bm25": "words (BM25)",
    "embeddings": "meanings (embeddings)",
}
Scores = Mapping[str, Any]


def build(scores: Scores, retrieval: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what the report shows of the search; None if nothing was looked up.

    Args:
        scores: content of metrics/scores.json.
        retrieval: content of metrics/retrieval.json; empty if the file is missing.
    """
    if not retrieval.get("units"):
        return None
    sets = [(scores.get("set", HELD_OUT), scores), *sorted(scores.get("sets", {}).items())]
    return {
        "searched": describe_search(retrieval),
        "compared": [text for name, part in sets if (text := compare(name, part))],
        "recall": [
            {"set": name, "ranking": RANKINGS[ranking], "first": _show_recall(first)}
            for name, rankings in sorted(retrieval["recall"].items())
            for ranking in RANKINGS
            if (first := rankings.get(ranking))
        ],
    }


def compare(name: str, scores: Scores) -> str:
    """Say how the tuned model does against the base with passages, and what passages and tuning do together.

    Args:
        name: of the set.
        scores: its part of metrics/scores.json.

    Returns: up to three sentences; no text if nobody answered with passages or nothing can be compared.
    """
    others = scores.get("comparators", {})
    lookup, both = (others.get(who + WITH_SOURCES, {}) for who in (BASE, TUNED))
    pairs = (
        (TUNED, BASE + WITH_SOURCES, lookup.get("difference", {})),
        (TUNED, TUNED + WITH_SOURCES, both.get("difference", {})),
        (TUNED + WITH_SOURCES, BASE + WITH_SOURCES, both.get(OVER_BASE, {})),
    )
    text, last = "", 0
    for number, sentence in filter(None, (_compare(scores, *pair) for pair in pairs)):
        if number == last:  # how many answers it rests on is said once
            text += f" {sentence[0].upper()}{sentence[1:]}"
        else:
            text += f" On {wording.asked(name, number)}, {sentence}"
        last = number
    return text.strip()


def _compare(scores: Scores, one: str, other: str, difference: Scores) -> tuple[int, str] | None:
    """Return on how many answers two contestants are compared and which does better; None if they cannot be compared.

    Args:
        scores: the part of a set in metrics/scores.json.
        one: a contestant.
        other: another one.
        difference: the values of the first minus those of the other.
    """
    if (key := _find_key(difference)) is None:
        return None
    figure, found, verdict = FIGURES[key], difference[key], _judge(difference)
    ours, theirs = WHO[one], WHO[other]
    told = {
        "better": f"{ours} does better than {theirs}",
        "worse": f"{theirs} does better than {ours}" if key == "nll" else f"{ours} does worse than {theirs}",
        "unclear": f"it cannot be told whether {ours} or {theirs} does better",
        "unknown": f"{ours} cannot be compared with {theirs}, for want of rows",
    }[verdict]
    if key == "nll":
        if verdict == "worse":  # so that the factor is above 1
            found = {**found, **{edge: -found[edge] for edge in ("low", "value", "high")}}
        rates = f"{'the first' if verdict == 'unclear' else 'it'} rates each token of the true answers"
        tie = "; 1 would be a tie" if verdict == "unclear" else ""
        factor = "" if verdict == "unknown" else f": {rates} {wording.times(found, tie=tie)} as the other"
        return found["n"], f"{told}{factor}."
    parts = {TUNED: scores[TUNED], **{who: part["scores"] for who, part in scores["comparators"].items()}}
    wanted = "lower is better" if figure.lower_is_better else "higher is better"
    values = f"{show(figure, parts[one][key]['value'])} against {show(figure, parts[other][key]['value'])}"
    interval = show_change_interval(figure, found)
    more = f", interval of the difference {interval}" if interval else ""
    return found["n"], f"{told} ({figure.name.lower()}, where {wanted}: {values}{more})."


def _judge(difference: Scores) -> wording.Verdict:
    """Tell whether the first of two contestants does better, by the most telling figure that they have."""
    key = _find_key(difference)
    return "unknown" if key is None else wording.judge(difference[key], bool(FIGURES[key].lower_is_better))


def _find_key(difference: Scores) -> str | None:
    """Return the most telling figure that a difference has."""
    return next((key for key in COMPARED if key in difference), None)


def judge(scores: Scores) -> wording.Verdict:
    """Tell whether the tuned model alone does better than the base with passages."""
    return _judge(scores.get("comparators", {}).get(BASE + WITH_SOURCES, {}).get("difference", {}))


def do_best_together(scores: Scores) -> bool:
    """Tell whether the tuned model with passages surely does better than without them, and than the base with them."""
    both = scores.get("comparators", {}).get(TUNED + WITH_SOURCES, {})
    return [_judge(both.get(key, {})) for key in ("difference", OVER_BASE)] == ["worse", "better"]


def describe_recall(name: str, found: Mapping[str, Any]) -> str:
    """Say how often the answer's place is among the first three passages, where it may be found at all.

    Args:
        name: of the set.
        found: content of metrics/retrieval.json.

    Returns: a sentence; empty if nobody knows where the answers of the set stand.
    """
    rankings = found.get("recall", {}).get(name, {})
    ranking = next((one for one in RANKINGS if one in rankings), None)
    part = rankings.get(ranking, {}).get("3") if ranking else None
    if part is None:
        return ""
    share = wording.share(part["value"])
    span = (
        ""
        if part["low"] is None
        else f" ({wording.share(part['low']).removesuffix(' %')} to {wording.share(part['high'])})"
    )
    return (
        f"The search finds the passages by itself: of the whole corpus, the place of the answer is among the first "
        f"three for {share}{span} of {wording.count(part['n'], 'question')}."
    )


def describe_search(retrieval: Mapping[str, Any]) -> str:
    """Say what was searched, and whether a row could find its own answer."""
    count = retrieval["units"]
    what = "1 passage or turn" if count == 1 else f"{count:,} passages and turns"
    where = "the items that were trained on" if retrieval["searched"] == "train" else "all items"
    own = (
        "A held-out question may find the very place that its answer comes from."
        if retrieval["include_own"]
        else "A held-out question cannot find the place that its own answer comes from."
    )
    return f"The search knows {what} of {wording.count(retrieval['items'], 'item')}: {where}. {own}"


def _show_recall(first: Mapping[str, Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return the share for each number of passages that are looked at."""
    return [
        {
            "k": k,
            "share": wording.share(part["value"]),
            "interval": ""
            if part["low"] is None
            else f"{wording.share(part['low']).removesuffix(' %')} to {wording.share(part['high'])}",
            "n": f"{part['n']:,}",
        }
        for k, part in sorted(first.items(), key=lambda pair: int(pair[0]))
    ]
