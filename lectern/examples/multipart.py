"""Divide one answer between the parts of a question, where one can tell which sentence answers which part."""

import re
from collections import Counter
from collections.abc import Sequence

from lectern.core.schema import Conversation, Word
from lectern.examples.rows import Asked
from lectern.text.sentences import Sentence, join_words, split_sentences
from lectern.text.words import words as comparable

COMMON = 0.05
"""A word in more than this share of the recording's sentences, and in more than FEW of them, identifies no part."""
FEW = 3
STEM = 5
"""Words with the same first so many letters count as forms of one word, such as `listen` and `listening`."""
_TURNS_TO_THE_NEXT = re.compile(
    r"^(?:(?:and|so|now|but|okay|ok|well)[, ]+)*(?:as (?:for|to) |to |on |regarding |coming to )?"
    r"(?:(?:the|your) (?:second|third|fourth|other|next|last) (?:part|question|one|half)|secondly|thirdly|"
    r"part (?:b|c|d|two|three|four)|question (?:two|three|four|number (?:two|three|four)))\b",
    re.IGNORECASE,
)


def divide_between(
    parts: Sequence[str], answer: Sequence[Word], asked: Sequence[Asked], conversation: Conversation
) -> list[list[Word]] | None:
    """Return the words of `answer` that belong to each of `parts`, in order; None if that cannot be told.

    The answer to a part begins where somebody asks the part inside the answer. Otherwise it begins at a sentence that
    announces it (`As for your second question`), or at the first sentence with a word that only this part has, provided
    that all words that only the part before has come earlier. If the two are interwoven, the answer is not divided.

    Args:
        parts: the parts of the question, at least two.
        answer: all words of the answer, in order of time.
        asked: turns of asking speakers inside the answer, in order of time.
        conversation: the whole conversation, from which common words are counted.
    """
    if not answer:
        return None
    sentences = split_sentences(answer, conversation.language)
    own = _own_words(parts, conversation)
    cuts: list[int] = [0]
    for index in range(1, len(parts)):
        cut = _find_asked(parts[index], own[index], sentences, asked, cuts[-1])
        if cut is None:
            cut = _find_turn(own[index - 1], own[index], sentences, cuts[-1])
        if cut is None:
            return None
        cuts.append(cut)
    ends = [*cuts[1:], len(sentences)]
    return [
        [word for sentence in sentences[a:b] for word in sentence] for a, b in zip(cuts, ends, strict=True)
    ]


def _own_words(parts: Sequence[str], conversation: Conversation) -> list[frozenset[str]]:
    """Return for each part the stems that no other part has and that are not common in the recording."""
    sentences = [
        stems
        for utterance in conversation.utterances
        for sentence in split_sentences(utterance.words, conversation.language)
        if (stems := _stems(join_words(sentence)))
    ]
    having = Counter(stem for stems in sentences for stem in stems)
    most = max(FEW, COMMON * len(sentences))
    vocabularies = [_stems(part) for part in parts]
    shared = Counter(stem for vocabulary in vocabularies for stem in vocabulary)
    return [
        frozenset(stem for stem in vocabulary if shared[stem] == 1 and having[stem] <= most)
        for vocabulary in vocabularies
    ]


def _find_asked(
    part: str, own: frozenset[str], sentences: Sequence[Sentence], asked: Sequence[Asked], after: int
) -> int | None:
    """Return the first sentence after somebody asks `part`; None if nobody does.

    A turn asks the part if it has at least half of the part's words, among them one that only this part has.
    """
    vocabulary = _stems(part)
    for turn in asked:
        spoken = _stems(turn.text)
        if len(vocabulary & spoken) * 2 >= len(vocabulary) and (own & spoken or not own):
            for index in range(after + 1, len(sentences)):
                if sentences[index][0].start >= turn.start:
                    return index
    return None


def _find_turn(
    before: frozenset[str], own: frozenset[str], sentences: Sequence[Sentence], after: int
) -> int | None:
    """Return the sentence at which the answer moves on from the part with the words `before` to that with `own`."""
    for index in range(after + 1, len(sentences)):
        if _TURNS_TO_THE_NEXT.match(join_words(sentences[index])):
            return index
    stems = [_stems(join_words(sentence)) for sentence in sentences]
    first = next((i for i in range(after, len(sentences)) if own & stems[i]), None)
    last = next((i for i in range(len(sentences) - 1, after - 1, -1) if before & stems[i]), None)
    return first if first is not None and last is not None and last < first else None


def _stems(text: str) -> frozenset[str]:
    return frozenset(word[:STEM] for word in comparable(text))
