"""Drop the examples that break a rule on their own: too long, too short, in another language, or only small talk.

Each filter takes rows in any order. It returns the rows that it keeps, in that order, and the decisions on the others.
"""

import re
from collections.abc import Callable, Sequence

from lectern.core.errors import LecternError
from lectern.core.schema import Decision, Example
from lectern.curation.decisions import drop
from lectern.settings.housekeeping import HousekeepingRule
from lectern.text import scripts
from lectern.text.words import normalise, words

CONFIDENCE = 0.8
"""Probability from which a detected language is accepted."""
RECOGNISABLE = 20
"""Fewest letters in a text whose language is detected."""
READ = 2000
"""Characters of a row from which its language is detected."""

LONG_WORD = 60
"""Characters of a very long word: a text with so many times more has too many words, whatever follows."""

_LETTER = re.compile(r"[^\W\d_]")

Fault = tuple[str, str]
"""The reason and the detail of a decision."""


def by_length(
    rows: Sequence[Example],
    *,
    min_answer_words: int | None,
    max_answer_words: int | None,
    min_question_words: int | None,
    max_question_words: int | None,
) -> tuple[list[Example], list[Decision]]:
    """Drop the single questions and answers with fewer or more words than the limits; `None` means no limit.

    The reason is the first that applies of short_question, long_question, short_answer and long_answer. Words are those
    of `text.words`: in scripts without spaces, each character is one. Whole dialogues are long by nature, and are kept.
    """
    bounds = (
        ("question", min_question_words, max_question_words),
        ("answer", min_answer_words, max_answer_words),
    )

    def find_fault(row: Example) -> Fault | None:
        said = _said(row)
        if len(said["user"]) != 1 or len(said["assistant"]) != 1:
            return None
        texts = {"question": said["user"][0], "answer": said["assistant"][0]}
        for part, least, most in bounds:
            count = len(words(texts[part]))
            if least is not None and count < least:
                return f"short_{part}", f"{count} words; at least {least} are wanted"
            if most is not None and count > most:
                return f"long_{part}", f"{count} words; at most {most} are wanted"
        return None

    return _divide(rows, find_fault)


def by_language(rows: Sequence[Example], *, languages: Sequence[str]) -> tuple[list[Example], list[Decision]]:
    """Drop the rows in languages other than `languages` (ISO 639-1 codes, such as en); an empty list keeps all.

    py3langid (97 languages) detects the language of the whole row. If it is unsure, as with short texts and code, the
    row is kept.

    Raises:
        LecternError: the detector does not know one of the codes.
    """
    if not languages:
        return list(rows), []
    detector = scripts.load_detector()
    if unknown := sorted(set(languages) - set(detector.labels)):
        raise LecternError(
            f"curate.languages has {', '.join(map(repr, unknown))}, which the detector does not know. Use some of "
            f"{' '.join(sorted(detector.labels))}."
        )

    def find_fault(row: Example) -> Fault | None:
        text = "\n".join(text for texts in _said(row).values() for text in texts)[:READ]
        if len(_LETTER.findall(text)) < RECOGNISABLE:
            return None
        language, probability = detector.classify(text)
        if language in languages or probability < CONFIDENCE:
            return None
        return "language", f"{language}, with probability {probability:.2f}"

    return _divide(rows, find_fault)


def by_housekeeping(
    rows: Sequence[Example], rules: Sequence[HousekeepingRule], max_words: int
) -> tuple[list[Example], list[Decision]]:
    """Drop the rows whose question, or whose answer, is nothing but housekeeping (`conversations.housekeeping`).

    Args:
        rows: a dialogue is dropped when this is true of all its questions, or of all its answers.
        rules: of either scope; a pattern must match a whole text, normalised.
        max_words: a longer text is never dropped, whatever a rule matches.
    """
    compiled = [(rule.name, re.compile(rule.pattern)) for rule in rules]

    def match(text: str) -> str | None:
        most = max_words * LONG_WORD
        if len(text) > most and normalise(text[:most]).count(" ") >= max_words:
            return None
        normal = normalise(text)
        if normal.count(" ") >= max_words:
            return None
        return next((name for name, pattern in compiled if pattern.fullmatch(normal)), None)

    def find_fault(row: Example) -> Fault | None:
        for part, texts in zip(("question", "answer"), _said(row).values(), strict=True):
            if texts and all(match(text) for text in texts):
                return "housekeeping", f"{part}: {match(texts[0])}"
        return None

    return _divide(rows, find_fault)


def _said(row: Example) -> dict[str, list[str]]:
    """The texts by role: those of the user and those of the assistant."""
    return {role: [m.content for m in row.messages if m.role == role] for role in ("user", "assistant")}


def _divide(
    rows: Sequence[Example], find_fault: Callable[[Example], Fault | None]
) -> tuple[list[Example], list[Decision]]:
    kept: list[Example] = []
    dropped: list[Decision] = []
    for row in rows:
        if (fault := find_fault(row)) is None:
            kept.append(row)
        else:
            reason, detail = fault
            dropped.append(drop(row, reason, detail=detail))
    return kept, dropped
