"""Leave out the examples that break a rule on their own: too long, too short, in another language, or small talk.

Each filter takes rows in any order and returns those it keeps, in that order, and the decisions on the others.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from lectern.core.errors import LecternError
from lectern.core.schema import Decision, Example
from lectern.curation.decisions import drop
from lectern.settings.housekeeping import HousekeepingRule
from lectern.text.words import normalise, words

CONFIDENCE = 0.8
"""Probability from which a language counts as recognised."""
RECOGNISABLE = 20
"""Letters in the shortest text whose language is looked for."""
READ = 2000
"""Characters of a row that are read to find its language."""

_LETTER = re.compile(r"[^\W\d_]")

Fault = tuple[str, str]
"""Reason and detail of a decision."""


def by_length(
    rows: Sequence[Example],
    *,
    min_answer_words: int | None,
    max_answer_words: int | None,
    min_question_words: int | None,
    max_question_words: int | None,
) -> tuple[list[Example], list[Decision]]:
    """Drop the single questions and answers that have fewer or more words than that; None is no bound.

    Reasons: short_question, long_question, short_answer, long_answer, the first that holds. Words are those of
    `text.words`: in scripts without spaces each character is one. Whole dialogues are long by nature and stay.
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
    """Drop the rows in other languages than `languages` (codes of ISO 639-1, such as en); none named keeps all.

    The language is that of the whole row, by py3langid (97 languages). Where it is unsure, as of short texts and of
    code, the row stays.

    Raises:
        LecternError: a code that the detector does not know.
    """
    if not languages:
        return list(rows), []
    detector = _load_detector()
    if unknown := sorted(set(languages) - set(detector.labels)):
        raise LecternError(
            f"curate.languages has {', '.join(map(repr, unknown))}, which the detector does not know. Use codes among "
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


@lru_cache
def _load_detector() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def by_housekeeping(
    rows: Sequence[Example], rules: Sequence[HousekeepingRule], max_words: int
) -> tuple[list[Example], list[Decision]]:
    """Drop the rows whose question, or answer, is nothing but housekeeping (`speech.housekeeping`).

    Args:
        rows: a dialogue falls when all its questions, or all its answers, are.
        rules: of either scope; a pattern must match the whole of a text, normalised.
        max_words: a longer text stays, whatever a rule matches.
    """
    compiled = [(rule.name, re.compile(rule.pattern)) for rule in rules]

    def match(text: str) -> str | None:
        normal = normalise(text)
        if normal.count(" ") >= max_words:
            return None
        return next((name for name, pattern in compiled if pattern.fullmatch(normal)), None)

    def find_fault(row: Example) -> Fault | None:
        for part, texts in zip(("question", "answer"), _said(row).values(), strict=True):
            matched = [match(text) for text in texts]
            if texts and all(matched):
                return "housekeeping", f"{part}: {matched[0]}"
        return None

    return _divide(rows, find_fault)


def _said(row: Example) -> dict[str, list[str]]:
    """The texts of the user and of the assistant."""
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
