"""What people say to run an event (`next question please`, `can you hear me`), taken out by rules that are data."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from lectern.core.schema import Conversation, Word
from lectern.text.sentences import split_sentences
from lectern.text.words import normalise

SCOPES = ("sentence", "utterance")


@dataclass(frozen=True)
class Rule:
    """What one rule takes out."""

    name: str = ""
    """under which its removals are counted"""
    pattern: str = ""
    """regular expression that must match the whole: small letters, no punctuation, single spaces"""
    scope: str = "sentence"
    """`sentence`, or `utterance` for what is housekeeping only where nothing else is said"""


@dataclass(frozen=True)
class HousekeepingParams:
    """Section `housekeeping`."""

    name: str = "english"
    """Of the file under conf/housekeeping."""
    max_words: int = 12
    """What has more words is never taken out, whatever a rule matches."""
    rules: list[Rule] = field(default_factory=list)
    """In the order in which they are tried; the first that matches counts."""

    def __post_init__(self) -> None:
        where = f"conf/housekeeping/{self.name}.yaml"
        if self.max_words < 1:
            raise ValueError(f"{where}: max_words is {self.max_words}: use at least 1")
        names = Counter(rule.name for rule in self.rules)
        for rule in self.rules:
            if not rule.name or names[rule.name] > 1:
                raise ValueError(f"{where}: each rule needs a name of its own, not {rule.name!r}")
            _check(rule, f"{where}: rule {rule.name!r}")


def _check(rule: Rule, where: str) -> None:
    if rule.scope not in SCOPES:
        raise ValueError(f"{where} has scope {rule.scope!r}: use {' or '.join(SCOPES)}")
    try:
        matches_nothing_said = re.fullmatch(rule.pattern, "")
    except re.error as error:
        raise ValueError(f"{where}: {rule.pattern!r} is no regular expression ({error})") from error
    if matches_nothing_said:
        raise ValueError(f"{where}: {rule.pattern!r} matches where nothing is said: name some words")


class Kept(NamedTuple):
    """A conversation without its housekeeping."""

    conversation: Conversation
    removals: Counter[str]  # by rule
    words: int  # how many went


def remove(conversation: Conversation, rules: Sequence[Rule], max_words: int) -> Kept:
    """The conversation without the sentences and utterances that a rule matches; an utterance left empty goes too.

    Patterns are held against the words as `text.words.normalise` gives them, so that neither case nor the
    punctuation of a transcript decides.
    """
    removals: Counter[str] = Counter()
    kept = []
    gone = 0
    for utterance in conversation.utterances:
        words = _remove_from(utterance.words, conversation.language, rules, max_words, removals)
        gone += len(utterance.words) - len(words)
        if words:
            kept.append(utterance.model_copy(update={"words": words}))
    return Kept(conversation.model_copy(update={"utterances": kept}), removals, gone)


def _remove_from(
    words: list[Word], language: str, rules: Sequence[Rule], max_words: int, removals: Counter[str]
) -> list[Word]:
    if len(words) <= max_words and (rule := _match(words, rules)):
        removals[rule] += 1
        return []
    kept: list[Word] = []
    in_sentences = [rule for rule in rules if rule.scope == "sentence"]
    for sentence in split_sentences(words, language):
        if len(sentence) <= max_words and (rule := _match(sentence, in_sentences)):
            removals[rule] += 1
        else:
            kept += sentence
    return kept


def _match(words: Sequence[Word], rules: Sequence[Rule]) -> str | None:
    text = normalise(" ".join(word.text for word in words))
    return next((rule.name for rule in rules if re.fullmatch(rule.pattern, text)), None)
