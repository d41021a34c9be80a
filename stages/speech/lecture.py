"""Passages of a monologue: stretches with their times that questions can be asked about."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

from stages.core import io
from stages.core.item import Item, Make
from stages.core.schema import Chapter, Conversation, Passage, Word, passage_id
from stages.speech import housekeeping
from stages.speech.dividing import choose_cuts, rate_cuts
from stages.speech.provenance import link_at
from stages.speech.rows import join
from stages.speech.sentences import Sentence, split_sentences


def load(*, rules: Sequence[housekeeping.Rule], max_words: int, **choices: Any) -> Make:
    """The function that writes an item's passages. `rules` and `max_words` are housekeeping's, the rest `cut`'s."""

    def make(item: Item, path: Path) -> Mapping[str, Any]:
        conversation = io.read_json(item.inputs["conversation"], Conversation)
        kept = housekeeping.remove(conversation, rules, max_words)
        passages, share = cut(kept.conversation, **choices)
        io.write_jsonl(path, passages)
        return {
            "passages": len(passages),
            "share": round(share, 4),
            "words": sum(len(passage.text.split()) for passage in passages),
        }

    return make


def cut(
    conversation: Conversation, *, min_share: float, least: int, most: int, overlap: int
) -> tuple[list[Passage], float]:
    """The passages of a monologue, and the share of the words that its speaker has; no passages of anything else.

    A passage ends at a sentence end, never goes past the end of a chapter, and ends where the vocabulary changes most
    (`dividing`). What others say in between is left out, and speech may go on over it.

    Args:
        conversation: with speakers.
        min_share: of all words, from which one speaker's make a monologue.
        least: words that a passage has at least, where chapters and sentences allow it.
        most: words that a passage has at most.
        overlap: sentences at the end of a passage that the next one of the chapter repeats, as far as `most` allows.
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
    for chapter, sentences in _by_chapter(words[speaker], conversation.chapters, conversation.language, most):
        cuts = choose_cuts([len(s) for s in sentences], rate_cuts(sentences), least, most)
        for begin, end in pairwise(cuts):
            length = sum(len(sentence) for sentence in sentences[begin:end])
            while (
                begin > max(0, cuts[cuts.index(end) - 1] - overlap)
                and length + len(sentences[begin - 1]) <= most
            ):
                begin -= 1
                length += len(sentences[begin])
            passages.append(_passage(conversation, sentences[begin:end], chapter))
    return passages, share


def _by_chapter(
    words: Sequence[Word], chapters: Sequence[Chapter], language: str, longest: int
) -> list[tuple[Chapter | None, list[Sentence]]]:
    """The sentences of each chapter, and of what lies outside all, in order of time; each goes where it begins."""

    def chapter_of(sentence: Sentence) -> int:
        start = sentence[0].start
        return next((i for i, c in enumerate(chapters) if c.start <= start < c.end), -1)

    sentences = split_sentences(words, language, longest)
    return [
        (chapters[index] if index >= 0 else None, list(group))
        for index, group in groupby(sentences, key=chapter_of)
    ]


def _passage(conversation: Conversation, sentences: Sequence[Sentence], chapter: Chapter | None) -> Passage:
    words = [word for sentence in sentences for word in sentence]
    text = join(words)
    return Passage(
        id=passage_id(conversation.item, text),
        item=conversation.item,
        text=text,
        url=link_at(conversation.url, words[0].start),
        start=words[0].start,
        end=max(word.end for word in words),
        headings=[title] if chapter and (title := chapter.title.strip()) else [],
    )


def summarise(facts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What `load` said of each item, added up."""
    totals = Counter({"passages": 0, "words": 0, "lectures": 0})
    for item in facts.values():
        totals.update(
            {"passages": item["passages"], "words": item["words"], "lectures": item["passages"] > 0}
        )
    return {"items": len(facts), **totals}
