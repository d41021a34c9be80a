"""Write numbers for people, and the sentences that the numbers justify."""

import math
from collections.abc import Mapping
from typing import Any, Literal

from lectern.core.printing import one_line
from lectern.core.schema import DIALOGUES, HELD_OUT
from lectern.evaluation.answer_figures import FIGURES

Verdict = Literal["better", "worse", "unclear", "unknown"]

VERDICTS: Mapping[Verdict, str] = {
    "better": "better",
    "worse": "worse",
    "unclear": "may be chance",
    "unknown": "no interval",
}
"""Verdict -> words. A difference whose interval contains zero is neither better nor worse."""

NOT_COMPARED = "has not been compared with people"

REASONS = {
    "statement": "replies to a remark that asks nothing",
    "no_context": "follow-ups with nothing before them",
    "exact_duplicate": "the same words as a row that was kept",
    "near_duplicate": "nearly the same words as a row that was kept",
    "semantic_duplicate": "the same in other words as a row that was kept",
    "contaminated": "questions of an evaluation set",
    "rejected": "rejected by a person",
    "low_rating": "rated too low by the judge",
    "unrated": "not rated, because the judge's reply could not be used",
    "housekeeping": "said only to run the event",
    "language": "in another language",
    "short_question": "a question with too few words",
    "long_question": "a question with too many words",
    "long_answer": "an answer with too many words",
    "leak": "the same as a held-out row",
    "too_long": "longer than the limit of the training",
    "no_answer": "a question that nobody answered",
    "short_answer": "an answer with too few words",
    "stamp_after_end": "a question stamped after the end of its recording",
}
"""Reason -> words that tell why rows are left out."""


def reason(name: str) -> str:
    """Say in words why rows were left out."""
    return REASONS.get(name, plain(name))


def plain(name: str) -> str:
    """Write a name such as `near_duplicate` as `near duplicate`."""
    return name.replace("_", " ")


def count(number: int, noun: str) -> str:
    """Write a count with its noun: `1 answer`, `1,204 answers`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def signed(value: float, digits: int = 2) -> str:
    """Write a number with its sign: `+0.12`, `−0.12` with a real minus sign, `0.00` without a sign."""
    text = f"{abs(value):.{digits}f}"
    if float(text) == 0:
        return text
    return ("\u2212" if value < 0 else "+") + text


def places(difference: float) -> int:
    """Return the number of decimals that shows two digits of a difference: 2 for 0.79, 3 for 0.012, at most 4."""
    if difference == 0:
        return 2
    return min(4, max(2, 1 - math.floor(math.log10(abs(difference)))))


def clock(seconds: float) -> str:
    """Write seconds as `1:05` or `1:02:03`."""
    whole = int(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def percent(share: float) -> str:
    """Write a share as `95 %` or `99.5 %`."""
    return f"{share * 100:.4g} %"


def share(value: float) -> str:
    """Write a measured share without excess digits: `36 %`, or `2.5 %` below ten."""
    return f"{100 * value:.{0 if value >= 0.0995 or value == 0 else 1}f} %"


def duration(seconds: float) -> str:
    """Write seconds as `42 s`, `15.7 min` or `12.3 h`."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 3600 else f"{seconds / 3600:,.1f} h"


def shorten(text: str, characters: int, lines: int = 40) -> dict[str, str]:
    """Return the beginning of a text, and how much is not shown, which is an empty string if all is shown.

    Args:
        text: any text.
        characters: greatest number of characters that are shown.
        lines: greatest number of lines that are shown.
    """
    shown = "\n".join(text[:characters].splitlines()[:lines])
    rest = len(text) - len(shown)
    whole = rest <= 0 or not text[len(shown) :].strip()
    return {"text": shown, "more": "" if whole else count(rest, "more character")}


def short(text: str, characters: int = 90) -> str:
    """A name or title as it stands in a table: one line, cut with an ellipsis."""
    return one_line(text[: 4 * characters], characters)


def judge(difference: Mapping[str, Any], lower_is_better: bool) -> Verdict:
    """Tell whether the tuned model is better by a figure; `unclear` if the interval contains zero."""
    low, high = difference["low"], difference["high"]
    if low is None or high is None:
        return "unknown"
    if low <= 0 <= high:
        return "unclear"
    return "better" if (high < 0) == lower_is_better else "worse"


def judge_rate(rate: Mapping[str, Any]) -> Verdict:
    """Tell whether a win rate favours the tuned model; `unclear` if the interval contains one half."""
    if rate["low"] is None or rate["high"] is None:
        return "unknown"
    return judge({"low": rate["low"] - 0.5, "high": rate["high"] - 0.5}, lower_is_better=False)


def times(change: Mapping[str, Any], word: str = "likely", digits: int = 1, tie: str = "") -> str:
    """Return a change of the negative log-likelihood as a factor: "2.1 times as likely (1.9 to 2.4)".

    Args:
        change: in nats per token, with an interval; below 0 the tokens are likelier.
        word: `likely`, or `unlikely` for the factor the other way round.
        digits: after the point, where the factor is below 100.
        tie: what the brackets say besides.
    """
    sign = 1 if word == "unlikely" else -1
    low, value, high = sorted(math.exp(sign * change[key]) for key in ("low", "value", "high"))
    near, at, far = (f"{one:.{digits}f}" if one < 100 else f"{one:,.0f}" for one in (low, value, high))
    return f"{at} times as {word} ({near} to {far}{tie})"


def asked(name: str, number: int) -> str:
    """Write the number of answers of a set: `10 held-out answers`, `3 answers of talks`."""
    if name == HELD_OUT:
        return count(number, "held-out answer")
    if name == DIALOGUES:
        return f"{count(number, 'last answer')} of held-out dialogues"
    return f"{count(number, 'answer')} of {short(name)}"


UNITS = {"nll": " nats per token", "bits_per_byte": " bits per byte"}


def name_figure(key: str) -> str:
    """Write a figure's name inside a sentence."""
    name = FIGURES[key].name
    return name if name.isupper() or ("-" in name and key != "nll") else name.lower()


def unit_of(key: str) -> str:
    """Write the unit of a figure after a number; empty if it has none."""
    return UNITS.get(key, "")


def title(scores: Mapping[str, Any]) -> str:
    """Write the main result in one line."""
    difference = scores["difference"].get("nll")
    if difference is None:
        return f"{count(scores['rows'], 'answer')} without a likelihood by which the models could be compared"
    name = scores.get("set", HELD_OUT)
    sources = "of sources that it never saw" if name in (HELD_OUT, DIALOGUES) else f"of {short(name)}"
    verdict = judge(difference, lower_is_better=True)
    if verdict == "better":
        return f"Tuning brings the model closer to the true answers {sources}"
    if verdict == "worse":
        return f"Tuning takes the model further from the true answers {sources}"
    if verdict == "unclear":
        return f"The tuned model and the base cannot be told apart on answers {sources}"
    few = scores["rows"]
    return f"{asked(name, few)} {'is' if few == 1 else 'are'} too few to tell what the tuning did"


def lead(scores: Mapping[str, Any]) -> str:
    """Say what the title stands on, what it does not say, and how the answers below it are to be read."""
    if scores["difference"].get("nll") is None:
        return headline(scores)
    name = scores.get("set", HELD_OUT)
    where = f"{asked(name, scores['rows'])} from {count(scores['recordings'], 'source')} (recordings or documents)"
    never = " that the training never saw" if name in (HELD_OUT, DIALOGUES) else ""
    return (
        f"The model was shown {where}{never}, and it was measured how well it would have guessed their words. Nobody "
        "counted whether its own answers are right: read the examples. The base is the model before its tuning. Two "
        "figures in brackets are an interval that holds the true value in about "
        f"{percent(scores['confidence']).removesuffix(' %')} of 100 such measurements; few answers make it wide."
    )


def headline(scores: Mapping[str, Any]) -> str:
    """Write the main figure in full: the number of answers, both values, the difference and its interval."""
    difference = scores["difference"].get("nll")
    where = (
        f"{asked(scores.get('set', HELD_OUT), scores['rows'])} from {count(scores['recordings'], 'source')}"
    )
    if difference is None:
        return f"The tuned model and the base gave {where}, but there are no true answers to measure a likelihood of."
    value, low, high = (difference[key] for key in ("value", "low", "high"))
    digits = (
        places(value) if low is None or high is None else places(min(abs(value), (high - low) / 2) or value)
    )
    base, tuned = (f"{scores[side]['nll']['value']:.{digits}f}" for side in ("base", "tuned"))
    opening = (
        f"On {where} the tuned "
        f"model's negative log-likelihood is {tuned} nats per token against {base} for the base"
    )
    if low is None or high is None:
        return f"{opening}: {_more(value, digits)}, with too few rows for an interval."
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


def preference(found: Mapping[str, Any], calibration: Mapping[str, Any]) -> str:
    """Write what the judge prefers. Call this only for a judge that agrees with people.

    Args:
        found: the pairs of one set in metrics/judge.json.
        calibration: the calibration on pairs in the same file.
    """
    rate, kappa = found["win_rate"], calibration["kappa"]
    judged = found["wins"] + found["ties"] + found["losses"]
    opening = f"The judge, whose agreement with people is kappa {kappa['value']:.2f} on {count(kappa['n'], 'label')},"
    if rate["low"] is None or rate["high"] is None:
        return f"{opening} compared {count(judged, 'pair')}, too few for an interval."
    low, high = share(rate["low"]).removesuffix(" %"), share(rate["high"])
    won = f"{share(rate['value'])} of {judged:,} pairs ({low} to {high}), where a tie counts half"
    if rate["low"] <= 0.5 <= rate["high"]:
        return f"{opening} does not clearly prefer either model: the tuned one wins {won}."
    return (
        f"{opening} prefers the {'tuned model' if rate['low'] > 0.5 else 'base'}: the tuned one wins {won}."
    )


def distrust(why: str | None) -> str:
    """Say in a sentence why a judge's figures are grey."""
    return f"This judge {why or NOT_COMPARED}. Its figures are therefore grey, and no headline uses them."


def method(scores: Mapping[str, Any]) -> str:
    """Say how the intervals were computed, and what they do not cover."""
    draws = f"{percent(scores['confidence'])} bootstrap, {scores['resamples']:,} paired draws of"
    if scores["resampled"] == "recordings":
        text = (
            "The intervals say how far the figures would move if other sources were held out "
            f"({draws} whole sources, percentiles, widened for few answers)."
        )
    else:
        text = (
            "The intervals say how far the figures would move with other questions about the same sources "
            f"({draws} the answers, percentiles, widened for few answers). With only "
            f"{count(scores['recordings'], 'source')} held out, they cannot say how far other sources would move them."
        )
    if scores.get("seeds"):
        text += (
            " The intervals of what the tuning changed cover other random seeds of the training too, of which "
            f"{scores['seeds']} were tried."
        )
    return text
