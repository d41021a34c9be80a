"""Numbers as people read them, and what may honestly be said of them."""

import math
from collections.abc import Mapping
from typing import Any, Literal

Verdict = Literal["better", "worse", "unclear", "unknown"]

REASONS = {
    "statement": "replies to a remark that asks nothing",
    "no_context": "follow-ups with nothing before them",
    "exact_duplicate": "the same words as a row that was kept",
    "near_duplicate": "nearly the same words as a row that was kept",
    "semantic_duplicate": "the same in other words as a row that was kept",
    "contaminated": "what an evaluation set asks",
    "rejected": "rejected by a person",
    "low_rating": "rated too low by the judge",
    "unrated": "not rated, because the judge's reply was of no use",
    "housekeeping": "said only to run the event",
    "language": "in another language",
    "short_question": "a question of too few words",
    "long_question": "a question of too many words",
    "long_answer": "an answer of too many words",
    "leak": "said what a held-out row says",
    "too_long": "longer than the model may read",
    "no_answer": "a question that nobody answered",
    "short_answer": "an answer of too few words",
    "stamp_after_end": "a question stamped after the end of its recording",
}
"""Why rows are left out."""


def reason(name: str) -> str:
    """Why rows were left out, in words."""
    return REASONS.get(name, plain(name))


def plain(name: str) -> str:
    """`near_duplicate` as `near duplicate`."""
    return name.replace("_", " ")


def count(number: int, noun: str) -> str:
    """`1 answer`, `1,204 answers`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def signed(value: float, digits: int = 2) -> str:
    """`+0.12`, `−0.12` with a real minus, `0.00` without a sign."""
    text = f"{abs(value):.{digits}f}"
    if float(text) == 0:
        return text
    return ("\u2212" if value < 0 else "+") + text


def places(difference: float) -> int:
    """Decimals that show two digits of a difference: 2 for 0.79, 3 for 0.012, at most 4."""
    if difference == 0:
        return 2
    return min(4, max(2, 1 - math.floor(math.log10(abs(difference)))))


def clock(seconds: float) -> str:
    """`1:05`, `1:02:03`."""
    whole = int(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def percent(share: float) -> str:
    """`95 %`, `99.5 %`."""
    return f"{share * 100:.4g} %"


def judge(difference: Mapping[str, Any], lower_is_better: bool) -> Verdict:
    """Whether the tuned model is better by a figure: `unclear` when the interval holds zero."""
    low, high = difference["low"], difference["high"]
    if low is None or high is None:
        return "unknown"
    if low <= 0 <= high:
        return "unclear"
    return "better" if (high < 0) == lower_is_better else "worse"


def title(scores: Mapping[str, Any]) -> str:
    """The result in one line."""
    difference = scores["difference"]["nll"]
    amount = f"{abs(difference['value']):.{places(difference['value'])}f} nats a token"
    verdict = judge(difference, lower_is_better=True)
    if verdict == "better":
        return f"Tuning makes the held-out answers likelier, by {amount}"
    if verdict == "worse":
        return f"Tuning makes the held-out answers less likely, by {amount}"
    if verdict == "unclear":
        return "The tuned model and the base cannot be told apart on the held-out answers"
    few = scores["rows"]
    return (
        f"{count(few, 'held-out answer')} {'is' if few == 1 else 'are'} too few to tell what the tuning did"
    )


def headline(scores: Mapping[str, Any]) -> str:
    """The main figure in full: on how much it rests, both values, the difference and its interval."""
    difference = scores["difference"]["nll"]
    value, low, high = (difference[key] for key in ("value", "low", "high"))
    digits = (
        places(value) if low is None or high is None else places(min(abs(value), (high - low) / 2) or value)
    )
    base, tuned = (f"{scores[side]['nll']['value']:.{digits}f}" for side in ("base", "tuned"))
    opening = (
        f"On {count(scores['rows'], 'held-out answer')} from {count(scores['recordings'], 'source')} the tuned "
        f"model's negative log-likelihood is {tuned} nats a token against {base} for the base"
    )
    if low is None or high is None:
        return f"{opening}: {_more(value, digits)}, on too few rows for an interval."
    sure = percent(scores["confidence"])
    if low <= 0 <= high:
        span = f"from {_more(low, digits)} to {_more(high, digits)}"
        return f"{opening}: {_more(value, digits)}, which may well be chance ({sure} interval {span})."
    near, far = sorted((abs(low), abs(high)))
    ending = "." if value < 0 else ", so the tuning made it worse."
    return (
        f"{opening}: {_more(value, digits)} ({sure} interval {near:.{digits}f} to {far:.{digits}f}){ending}"
    )


def _more(value: float, digits: int) -> str:
    text = f"{abs(value):.{digits}f}"
    return "no different" if float(text) == 0 else f"{text} {'lower' if value < 0 else 'higher'}"


def method(scores: Mapping[str, Any]) -> str:
    """How the intervals were made, and what they leave out."""
    draws = f"Intervals are {percent(scores['confidence'])} percentile bootstrap, {scores['resamples']:,} paired draws"
    if scores["resampled"] == "recordings":
        return f"{draws} of whole sources."
    return (
        f"{draws} of answers. With only {count(scores['recordings'], 'source')} held out they speak of other "
        "questions on the same sources, not of other sources."
    )
