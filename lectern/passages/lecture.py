"""Cut a monologue into passages: stretches with their times, about which a teacher model can ask questions."""

from collections.abc import Sequence
from itertools import groupby, pairwise

from lectern.conversations.dividing import rate_cuts
from lectern.conversations.provenance import link_at
from lectern.core.schema import Chapter, Conversation, Passage, Word, passage_id
from lectern.models.tokens import Count
from lectern.text.cutting import choose_cuts
from lectern.text.sentences import Sentence, cut_at_silences, join_words, split_sentences


def cut(
    conversation: Conversation, count: Count, *, min_share: float, least: int, most: int, overlap: int
) -> tuple[list[Passage], float]:
    """Cut a monologue into passages; also return the main speaker's share of the words. Other talks give no passages.

    A passage ends at a sentence end where the vocabulary changes most (`dividing`), and never goes past the end of a
    chapter. The words of other speakers are left out, and a passage may continue across them.

    Args:
        conversation: its speakers are known.
        count: counts tokens; it is called for a monologue only.
        min_share: the conversation is a monologue if one speaker has at least this share of all words.
        least: least number of tokens of a passage, where chapters and sentences allow it.
        most: greatest number of tokens of a passage; a single word may have more.
        overlap: number of sentences at the end of a passage that the next one in the chapter repeats, as far as `most`
            allows.
    """
    words: dict[str, list[Word]] = {}
    total = 0
    for utterance in conversation.utterances:
        total += len(utterance.words)
        if utterance.role != "unknown":
            words.setdefault(utterance.speaker, []).extend(utterance.words)
    if not words:
        return [], 0.0
    speaker = min(words, key=lambda name: (-len(words[name]), name))
    share = len(words[speaker]) / total
    if share < min_share:
        return [], share
    passages = []
    sentences = _within(split_sentences(words[speaker], conversation.language), most, count)
    for chapter, part in _by_chapter(sentences, conversation.chapters):
        lengths = _measure(part, count)
        cuts = choose_cuts(lengths, rate_cuts(part), least, most)
        for before, (begin, end) in zip([0, *cuts], pairwise(cuts), strict=False):
            room = most - sum(lengths[begin:end])
            first = begin
            while first > max(before, begin - overlap) and lengths[first - 1] <= room:
                first -= 1
                room -= lengths[first]
            passages.append((part[first:end], chapter))
    texts = [join_words([word for sentence in part for word in sentence]) for part, _ in passages]
    tokens = count(texts)
    return [
        _passage(conversation, part, chapter, text, length)
        for (part, chapter), text, length in zip(passages, texts, tokens, strict=True)
    ], share


def _within(sentences: Sequence[Sentence], most: int, count: Count) -> list[Sentence]:
    """Return the sentences; those with more than `most` tokens are cut at their longest silences until they fit."""
    fitting = []
    for sentence, length in zip(sentences, _measure(sentences, count), strict=True):
        if length <= most or len(sentence) == 1:
            fitting.append(sentence)
        else:
            longest = max(1, min(len(sentence) - 1, len(sentence) * most // length))
            fitting += _within(cut_at_silences(sentence, longest), most, count)
    return fitting


def _measure(sentences: Sequence[Sentence], count: Count) -> list[int]:
    """Count the tokens of each sentence, at the beginning of a passage and inside one; the greater number counts."""
    texts = [join_words(sentence) for sentence in sentences]
    return [max(both) for both in zip(count(texts), count([f" {text}" for text in texts]), strict=True)]


def _by_chapter(
    sentences: Sequence[Sentence], chapters: Sequence[Chapter]
) -> list[tuple[Chapter | None, list[Sentence]]]:
    """Group the sentences by the chapter in which they begin, in order of time; None stands for no chapter."""

    def chapter_of(sentence: Sentence) -> int:
        start = sentence[0].start
        return next((i for i, c in enumerate(chapters) if c.start <= start < c.end), -1)

    return [
        (chapters[index] if index >= 0 else None, list(group))
        for index, group in groupby(sentences, key=chapter_of)
    ]


def _passage(
    conversation: Conversation, sentences: Sequence[Sentence], chapter: Chapter | None, text: str, tokens: int
) -> Passage:
    words = [word for sentence in sentences for word in sentence]
    return Passage(
        id=passage_id(conversation.item, text),
        item=conversation.item,
        text=text,
        tokens=tokens,
        url=link_at(conversation.url, words[0].start),
        language=conversation.language,
        start=words[0].start,
        end=max(word.end for word in words),
        headings=[title] if chapter and (title := chapter.title.strip()) else [],
    )
