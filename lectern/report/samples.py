"""Show some questions with all answers side by side, and the reason why each was chosen."""

from collections.abc import Mapping, Sequence
from typing import Any

from lectern.core.schema import BASE, TUNED, PairJudgement, Prediction, RubricJudgement, Sentence
from lectern.evaluation.rows import AnswerScore
from lectern.report import drawing, links, marking, support, wording
from lectern.report.inputs import Answers, Key
from lectern.report.judgement import is_trusted
from lectern.report.scores import name_set

SHOWN = 1500
"""Greatest number of characters that are shown of an answer; of a question and of earlier messages, a third of it."""
GAIN, LOSS, EVENLY = (
    "among the largest gains in likelihood",
    "among the largest losses in likelihood",
    "drawn evenly from all",
)
Pairs = Mapping[Key, Sequence[PairJudgement]]
Rubric = Mapping[Key, Sequence[RubricJudgement]]


def build(
    answers: Sequence[Answers],
    headline_set: str,
    count: int,
    judge: Mapping[str, Any],
    pairs: Pairs,
    rubric: Rubric,
) -> list[dict[str, Any]]:
    """Return the sets that have samples, the headline set first. Other sets show a quarter as many, evenly drawn."""
    by_set: dict[str, list[Answers]] = {}
    for one in answers:
        by_set.setdefault(one.score.set, []).append(one)
    shown = []
    for name in sorted(by_set, key=lambda name: (name != headline_set, name)):
        rows = by_set[name]
        if name == headline_set:
            chosen = choose(rows, count)
        else:
            few = drawing.spread(len(rows), -(-count // 4))
            chosen = [(i, EVENLY if len(few) < len(rows) else "") for i in few]
        samples = [show(rows[i], why, judge, pairs, rubric) for i, why in chosen]
        if samples:
            how = _describe_choice([why for _, why in chosen])
            shown.append({"name": name_set(name), "of": len(rows), "samples": samples, "how": how})
    return shown


def choose(rows: Sequence[Answers], count: int) -> list[tuple[int, str]]:
    """Choose rows: a quarter of `count` with the largest gains, a quarter with the largest losses, the rest evenly.

    Returns: (position, reason) of each. If there are at most `count` rows, all are chosen, without a reason.
    """
    if len(rows) <= count:
        return [(i, "") for i in range(len(rows))]
    gains = {i: gain for i, row in enumerate(rows) if (gain := row.gain) is not None}
    best = sorted((i for i in gains if gains[i] > 0), key=lambda i: (-gains[i], i))[: count // 4]
    worst = sorted((i for i in gains if gains[i] < 0), key=lambda i: (gains[i], i))[: count // 4]
    rest = [i for i in range(len(rows)) if i not in {*best, *worst}]
    even = [rest[i] for i in drawing.spread(len(rest), count - len(best) - len(worst))]
    return [
        *((i, GAIN) for i in best),
        *((i, LOSS) for i in worst),
        *((i, EVENLY) for i in even),
    ]


def _describe_choice(reasons: Sequence[str]) -> str:
    """Describe how many rows were chosen for which reason; empty if all rows are shown."""
    return "; ".join(f"{n} {why}" for why in (GAIN, LOSS, EVENLY) if (n := reasons.count(why)))


def show(row: Answers, why: str, judge: Mapping[str, Any], pairs: Pairs, rubric: Rubric) -> dict[str, Any]:
    """Return what the templates need to show one question with its answers."""
    first = next(iter(row.predictions.values()))
    *earlier, question = first.messages
    rated = {one.contestant: one for one in rubric.get(row.key, [])}
    order = sorted(row.predictions, key=lambda name: ({BASE: 0, TUNED: 1}.get(name, 2), name))
    return {
        "why": why,
        "question": wording.shorten(question.content, SHOWN // 3),
        "earlier": [
            {"role": message.role, **wording.shorten(message.content, SHOWN // 3)} for message in earlier
        ],
        "where": links.describe_place(first.provenance),
        "link": links.web_link(first.provenance.url),
        "reference": None if first.reference is None else wording.shorten(first.reference, SHOWN),
        "answers": [
            _answer(
                name,
                row.predictions[name],
                row.score.answers[name],
                _compared_with(name, row),
                row.supported.get(name, ()),
            )
            | {"rating": _rating(rated.get(name))}
            for name in order
        ],
        "rubric_trusted": is_trusted(judge, "rubric"),
        "verdict": _verdict(pairs.get(row.key, [])),
        "pairs_trusted": is_trusted(judge, "pairs"),
    }


def _compared_with(name: str, row: Answers) -> str | None:
    """Return the text with which an answer is compared: the reference, or else the answer of base or tuned."""
    prediction = row.predictions[name]
    if prediction.reference is not None:
        return prediction.reference
    other = row.predictions.get(BASE if name == TUNED else TUNED)
    return None if other is None else other.prediction


def _answer(
    name: str, said: Prediction, score: AnswerScore, other: str | None, sentences: Sequence[Sentence] = ()
) -> dict[str, Any]:
    shown = wording.shorten(said.prediction, SHOWN)
    rate = score.nats_per_token
    figures = [
        "" if rate is None else f"{rate:.2f} nats per token",
        "" if score.rougeL is None else f"ROUGE-L {score.rougeL:.2f}",
        wording.count(score.words, "word"),
        "" if not score.longest_copy else f"{score.longest_copy} copied in a run",
    ]
    return {
        "name": name,
        "side": name if name in (BASE, TUNED) else "other",
        "pieces": support.divide(marking.mark(shown["text"], (other or "")[: 4 * SHOWN]), sentences),
        "more": shown["more"],
        "empty": not said.prediction.strip(),
        "finished": said.finished,
        "figures": " · ".join(text for text in figures if text),
    }


def _rating(found: RubricJudgement | None) -> dict[str, str] | None:
    if found is None:
        return None
    score = "no usable reply" if found.score is None else f"{found.score} of 5"
    return {"score": score, "reason": wording.short(found.reason or "", 300)}


def _verdict(found: Sequence[PairJudgement]) -> dict[str, str] | None:
    """Say which of base and tuned the judge prefers."""
    for one in found:
        if {one.a, one.b} == {BASE, TUNED}:
            if one.winner is None:
                return {"text": "gave no usable reply", "reason": ""}
            reason = wording.short(one.reasons[0], 300) if one.reasons else ""
            if one.winner == "tie":
                flipped = one.forward != one.backward
                return {
                    "text": "changes its mind with the order" if flipped else "sees a tie",
                    "reason": reason,
                }
            return {"text": f"prefers {one.a if one.winner == 'a' else one.b}", "reason": reason}
    return None
