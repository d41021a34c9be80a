"""Remove what people say only to run an event, such as `next question please`, by rules in a configuration file."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from lectern.core.schema import Conversation, Word
from lectern.settings.housekeeping import HousekeepingRule
from lectern.text.sentences import join_words, split_sentences
from lectern.text.words import normalise


class Kept(NamedTuple):
    """A conversation without its housekeeping."""

    conversation: Conversation
    removals: Counter[str]  # name of a rule -> number of removals
    words: int  # number of removed words


def remove(conversation: Conversation, rules: Sequence[HousekeepingRule], max_words: int) -> Kept:
    """The conversation without the sentences and utterances that a rule matches; an utterance left empty goes too.

    Patterns are matched with the text as `text.words.normalise` gives it, so that case and punctuation do not matter.
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
    words: list[Word],
    language: str,
    rules: Sequence[HousekeepingRule],
    max_words: int,
    removals: Counter[str],
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


def _match(words: Sequence[Word], rules: Sequence[HousekeepingRule]) -> str | None:
    text = normalise(join_words(words))
    return next((rule.name for rule in rules if re.fullmatch(rule.pattern, text)), None)
