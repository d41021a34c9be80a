"""Make the requests to a judge LLM about answers, and read its replies.

A judge tends to favour the answer that it sees first. So two answers are shown in both orders, without the names of the
contestants, and a verdict counts if it is the same in both (Zheng et al. 2023, Judging LLM-as-a-Judge, sections 3.3 and
3.4). A single answer gets a score from 1 to 5. Pairs that people have labelled go through the same functions.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lectern.core.schema import Message, PairJudgement, RubricJudgement
from lectern.evaluation.cases import Case
from lectern.llm.prompting import Prompt
from lectern.llm.request import Reply, Request, make_request
from lectern.llm.structured import closed_object
from lectern.settings.llm import LLM

Verdict = Literal["a", "b", "tie"]
SCORES = (1, 2, 3, 4, 5)
MAX_REASON = 240
"""Most characters of a reason, so that no judge writes until its token limit cuts the JSON off."""
CUT = " [cut]"
"""Mark at the end of a text that was shortened for the judge."""
NO_ANSWER = "(no answer)"
"""Text that the judge sees in place of an empty answer."""
NO_REPLY = "no reply"
"""The problem of a request that got no reply; the next run asks again."""
FORWARD: Mapping[str, Verdict] = {"A": "a", "B": "b", "tie": "tie"}
BACKWARD: Mapping[str, Verdict] = {"A": "b", "B": "a", "tie": "tie"}
"""The judge's verdict -> the side that it means: FORWARD if `a` was shown first, BACKWARD if `b` was."""


@dataclass(frozen=True)
class JudgeSetup:
    """How the requests to a judge are made."""

    llm: LLM
    pair: Prompt
    answer: Prompt
    criterion: str
    """what makes an answer good, as the end of the sentence `A good one is ...`"""
    reasons: bool
    """whether the judge gives a reason before its verdict"""
    longest: int
    """greatest number of characters of each text that the judge sees; also of all messages before the question"""


@dataclass(frozen=True)
class JudgingPlan:
    """All requests about some cases."""

    pairs: list[tuple[Case, list[Request]]]
    """each case with two requests, with `a` shown first and with `b` shown first; without requests if both answers are
    the same, which is a tie"""
    answers: list[tuple[Case, str, Request]]
    """case, contestant and request for each answer that gets a score"""
    sides: tuple[str, str]
    """the contestants that are compared as `a` and `b`"""

    @property
    def requests(self) -> list[Request]:
        """All requests; they may be sent in any order."""
        return [r for _, both in self.pairs for r in both] + [request for *_, request in self.answers]

    def read_pairs(self, replies: Mapping[str, Reply]) -> list[PairJudgement]:
        """Read the judge's verdict on each pair."""
        return [_read_pair(case, self.sides, both, replies) for case, both in self.pairs]

    def read_answers(self, replies: Mapping[str, Reply]) -> list[RubricJudgement]:
        """Read the judge's score of each answer."""
        return [_read_answer(case, name, replies.get(request.key)) for case, name, request in self.answers]

    def count_cut(self, longest: int) -> int:
        """Count the answers of which the judge sees only the first `longest` characters."""
        shown = {
            (case.set, case.id, side): case.answers[side] for case, _ in self.pairs for side in self.sides
        }
        shown |= {(case.set, case.id, name): case.answers[name] for case, name, _ in self.answers}
        return sum(len(answer.strip()) > longest for answer in shown.values())


def make_plan(
    cases: Iterable[Case], sides: tuple[str, str], way: JudgeSetup, *, pairs: bool, rubric: bool
) -> JudgingPlan:
    """Make the requests about `cases`.

    With `pairs`, the judge is asked which answer is better in each case that both `sides` answer. With `rubric`, it is
    asked how good each answer is.
    """
    cases = list(cases)
    return JudgingPlan(
        [(case, ask_pair(case, sides, way)) for case in cases if pairs and case.answers.keys() >= set(sides)],
        [
            (case, name, ask_answer(case, name, way))
            for case in cases
            if rubric
            for name in sorted(case.answers)
        ],
        sides,
    )


def ask_pair(case: Case, sides: tuple[str, str], way: JudgeSetup) -> list[Request]:
    """Make the requests about a pair in both orders; none if both answers are the same."""
    a, b = (case.answers[side] for side in sides)
    if a.strip() == b.strip():
        return []
    schema = _schema(way.reasons, verdict={"type": "string", "enum": list(FORWARD)})
    return [
        make_request(way.llm, way.pair.render(**_show(case, way, first=first, second=second)), schema)
        for first, second in ((a, b), (b, a))
    ]


def ask_answer(case: Case, name: str, way: JudgeSetup) -> Request:
    """Make the request for the score of one answer."""
    schema = _schema(way.reasons, score={"type": "integer", "enum": list(SCORES)})
    return make_request(way.llm, way.answer.render(**_show(case, way, answer=case.answers[name])), schema)


def compare_scores(a: int | None, b: int | None) -> Verdict | None:
    """Return the answer with the higher score; None if a score is missing."""
    if a is None or b is None:
        return None
    return "tie" if a == b else "a" if a > b else "b"


def _schema(reasons: bool, **verdict: Any) -> dict[str, Any]:
    reason = {"type": "string", "minLength": 1, "maxLength": MAX_REASON}
    return closed_object(**({"reason": reason} if reasons else {}), **verdict)


def _show(case: Case, way: JudgeSetup, **answers: str) -> dict[str, Any]:
    """Return the values for the prompts, with shortened texts."""
    *before, question = case.messages
    texts = {
        "question": question.content,
        "reference": case.reference,
        "passage": case.passage,
        **{name: answer.strip() or NO_ANSWER for name, answer in answers.items()},
    }
    texts = {name: None if text is None else _unmark(text) for name, text in texts.items()}
    shown = {name: None if text is None else shorten(text, way.longest) for name, text in texts.items()}
    return {
        **shown,
        "before": _last(before, way.longest),
        "criterion": way.criterion,
        "reasons": way.reasons,
        "cut": shown != texts,
    }


def _unmark(text: str) -> str:
    """The text without a CUT of its own: an answer that breaks off could pass for one that we shortened."""
    return text.replace(CUT.strip(), "(cut)")


def shorten(text: str, longest: int) -> str:
    """Return a text; if it has more than `longest` characters, return its beginning and CUT."""
    return text if len(text) <= longest else text[:longest].rstrip() + CUT


def _last(before: Sequence[Message], longest: int) -> list[Message]:
    """Return as many of the last messages as fit, without system messages, which only instruct the model."""
    kept: list[Message] = []
    room = longest
    for message in reversed([m for m in before if m.role != "system"]):
        room -= len(message.content)
        if room < 0:
            break
        kept.insert(0, message)
    return kept


def _read_pair(
    case: Case, sides: tuple[str, str], both: Sequence[Request], replies: Mapping[str, Reply]
) -> PairJudgement:
    came = [replies.get(request.key) for request in both]
    said = [json.loads(reply.text) if reply and not reply.problem else {} for reply in came]
    forward, backward = (
        (FORWARD.get(said[0].get("verdict", "")), BACKWARD.get(said[1].get("verdict", "")))
        if both
        else ("tie", "tie")
    )
    problems = [NO_REPLY if reply is None else reply.problem for reply in came]
    return PairJudgement(
        id=case.id,
        set=case.set,
        a=sides[0],
        b=sides[1],
        forward=forward,
        backward=backward,
        reasons=[one["reason"].strip() for one in said if "reason" in one],
        # A missing reply comes first, because the next run asks for it again and may complete this row.
        problem=NO_REPLY if NO_REPLY in problems else next(filter(None, problems), None),
    )


def _read_answer(case: Case, name: str, reply: Reply | None) -> RubricJudgement:
    problem = NO_REPLY if reply is None else reply.problem
    said = json.loads(reply.text) if reply and not reply.problem else {}
    return RubricJudgement(
        id=case.id,
        set=case.set,
        contestant=name,
        score=said.get("score"),
        reason=said["reason"].strip() if "reason" in said else None,
        problem=problem,
    )
