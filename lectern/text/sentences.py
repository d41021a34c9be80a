"""Group words into sentences. Each word keeps its time, so that the time of every sentence end is known."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate, pairwise

from lectern.core import schema
from lectern.core.schema import Word

LIBRARY = "sentencex"
"""Its version decides where sentences end."""

Sentence = list[Word]


join_words = schema.join_words


def split_sentences(words: Sequence[Word], language: str, longest: int | None = None) -> list[Sentence]:
    """Split `words` into sentences, in order; every word is in exactly one.

    Sentence ends are found by sentencex, which has rules and abbreviations for some 300 languages. A transcript without
    punctuation has no sentence ends, so a sentence with more than `longest` words is cut at its longest silences.

    Args:
        words: in order of time, with their punctuation.
        language: code such as "en"; general rules apply to an unknown one.
        longest: greatest number of words of a sentence; None sets no limit.
    """
    from sentencex import get_sentence_boundaries

    if not words:
        return []
    text = join_words(words)
    lengths = [len(word.text) + (word.spaced and number > 0) for number, word in enumerate(words)]
    begins = [end - len(word.text) for end, word in zip(accumulate(lengths), words, strict=True)]
    cuts = {0}
    for boundary in get_sentence_boundaries(language, text):
        # A boundary inside a word (`example.org.uk`) does not count; one in the space before a word is at that word.
        index = bisect_left(begins, boundary["start_index"])
        if index < len(begins) and begins[index] - boundary["start_index"] <= words[index].spaced:
            cuts.add(index)
    ordered = [*sorted(cuts), len(words)]
    sentences = [list(words[a:b]) for a, b in pairwise(ordered)]
    if longest is None:
        return sentences
    return [piece for sentence in sentences for piece in cut_at_silences(sentence, longest)]


def cut_at_silences(sentence: Sentence, longest: int) -> list[Sentence]:
    """Cut `sentence` into pieces of at most `longest` words, at the longest silences (in a tie, nearest the middle)."""
    waiting, pieces = [sentence], []
    while waiting:
        piece = waiting.pop()
        if len(piece) <= longest:
            pieces.append(piece)
            continue
        least = min(len(piece) // 4, longest // 2) or 1  # avoids pieces of one or two words
        middle = len(piece) / 2
        at = max(
            range(least, len(piece) - least + 1),
            key=lambda i: (round(piece[i].start - piece[i - 1].end, 3), -abs(i - middle)),
        )
        waiting += [piece[at:], piece[:at]]
    return pieces


def find_sentences(text: str, language: str = "en") -> list[tuple[int, int]]:
    """Return the sentences of a written text as spans (start, end) without the white space around them.

    A line end always ends a sentence, since answers hold lists.

    Args:
        text: any text.
        language: code such as "en"; general rules apply to an unknown one.
    """
    from sentencex import get_sentence_boundaries

    spans, at = [], 0
    for line in text.splitlines(keepends=True):
        for boundary in get_sentence_boundaries(language, line):
            begin, end = boundary["start_index"], boundary["end_index"]
            piece = line[begin:end]
            begin += len(piece) - len(piece.lstrip())
            end = begin + len(piece.strip())
            if begin < end:
                spans.append((at + begin, at + end))
        at += len(line)
    return spans
