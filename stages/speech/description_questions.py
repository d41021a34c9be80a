"""Examples from the questions that a description stamps: the question as typed, the answer as spoken."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from stages.core.schema import ANSWERING, Conversation, Example, Message, Utterance, Word
from stages.core.schema import ASKING as ASKING_ROLES
from stages.speech.provenance import locate
from stages.speech.questions import Stamp, parse_stamps

METHOD = "description_questions"
ASKING = 3
"""Words from which a host's turn can be a question; fewer are a `yes` or a `right` inside an answer."""


class Asked(NamedTuple):
    """A turn of the host in which something may be asked."""

    start: float  # seconds
    end: float
    vocabulary: frozenset[str]


def make_examples(
    conversation: Conversation, *, min_answer_words: int, max_shift: float
) -> tuple[list[Example], Counter[str]]:
    """One example for each stamped question that is answered, and how many were dropped, by reason.

    People stamp some seconds early or late. So each stamp is first moved to the turn in which the host asks
    (`place_stamps`). The answer is every word of those who answer from the end of that turn to the beginning of the
    next stamp's. Where no turn is near, as when one voice reads the questions too, the stamps themselves are the
    limits. Questions asked in one turn are one example.

    Args:
        conversation: with its description.
        min_answer_words: answers with fewer words are dropped.
        max_shift: seconds by which a stamp may be off.
    """
    stamps = parse_stamps(conversation.description)
    dropped: Counter[str] = Counter()
    inside = [stamp for stamp in stamps if stamp.start < conversation.duration]
    dropped["stamp_after_end"] = sum(stamp.is_question for stamp in stamps[len(inside) :])
    if not any(stamp.is_question for stamp in stamps):
        dropped["no_questions"] = 1
    answering = [word for u in conversation.utterances if u.role in ANSWERING for word in u.words]
    placed = place_stamps(inside, find_asking_turns(conversation.utterances), max_shift)
    begins = [turn.start if turn else stamp.start for stamp, turn in zip(inside, placed, strict=True)]
    examples: list[Example] = []
    for group in _share_a_turn(placed):
        questions = [inside[i].text for i in group if inside[i].is_question]
        turn = placed[group[0]]
        begin = turn.end if turn else inside[group[0]].start
        end = begins[group[-1] + 1] if group[-1] + 1 < len(begins) else conversation.duration
        answer = [word for word in answering if begin <= (word.start + word.end) / 2 < end]
        if not questions:
            continue
        if len(answer) < min_answer_words:
            dropped["short_answer" if answer else "no_answer"] += len(questions)
        else:
            messages = [
                Message(role="user", content=" ".join(questions)),
                Message(role="assistant", content=" ".join(word.text for word in answer)),
            ]
            examples.append(Example.of(messages, locate(conversation, answer, METHOD)))
    return examples, +dropped


def find_asking_turns(utterances: Sequence[Utterance]) -> list[Asked]:
    """The turns of those who ask that are long enough to ask something, in order of time."""
    turns = []
    for role, group in groupby(utterances, key=lambda utterance: utterance.role):
        words: list[Word] = [word for utterance in group for word in utterance.words]
        if role in ASKING_ROLES and len(words) >= ASKING:
            turns.append(Asked(words[0].start, words[-1].end, _vocabulary(" ".join(w.text for w in words))))
    return turns


def place_stamps(stamps: Sequence[Stamp], turns: Sequence[Asked], max_shift: float) -> list[Asked | None]:
    """The turn that each stamp means, if one is within `max_shift` seconds: near in time and alike in words.

    Turns are used in order, and one serves two stamps only where both lie in it.
    """
    placed: list[Asked | None] = []
    earliest = 0
    for stamp in stamps:
        typed = _vocabulary(stamp.text)
        best, best_score = None, -1.0
        for index in range(max(0, earliest - 1), len(turns)):
            turn = turns[index]
            distance = max(turn.start - stamp.start, stamp.start - turn.end, 0.0)
            if distance > max_shift or (index < earliest and distance > 0):
                continue
            score = len(typed & turn.vocabulary) / max(1, len(typed)) - 0.5 * distance / max(max_shift, 0.001)
            if score > best_score:
                best, best_score = index, score
        placed.append(None if best is None else turns[best])
        earliest = earliest if best is None else best + 1
    return placed


def _share_a_turn(placed: Sequence[Asked | None]) -> list[list[int]]:
    """The indices of the stamps, those of one turn together."""
    groups: list[list[int]] = []
    for index, turn in enumerate(placed):
        if turn is not None and index and placed[index - 1] is turn:
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups


def _vocabulary(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.lower()))
