"""Words of scripts that are written without spaces (Chinese, Japanese, Thai, Lao, Khmer, Burmese), by ICU's rules.

A recogniser gives such text in single characters, and a caption in whole lines. ICU's dictionaries divide both into
words (Unicode Standard Annex 29, with the dictionaries of its section 4), so that a word means the same everywhere.
"""

from collections.abc import Iterable, Iterator, Sequence

import regex

from lectern.core.schema import Word
from lectern.text.words import words as split_words

LIBRARY = "icu4py"
"""Its version decides where words end."""

_UNSPACED = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\u30fc\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\u3000-\u303f\uff00-\uff60]"
)
_SCRIPTS = {
    "ja": regex.compile(r"[\p{Hiragana}\p{Katakana}]"),
    "zh": regex.compile(r"\p{Han}"),
    "th": regex.compile(r"\p{Thai}"),
    "lo": regex.compile(r"\p{Lao}"),
    "km": regex.compile(r"\p{Khmer}"),
    "my": regex.compile(r"\p{Myanmar}"),
}
_LETTER = regex.compile(r"[\p{L}\p{N}]")
_OPENING = regex.compile(r"[\p{Ps}\p{Pi}]")


def is_unspaced(text: str) -> bool:
    """Whether a character of the text, or a mark of its punctuation, belongs to a script without spaces."""
    return _UNSPACED.search(text) is not None


def guess_language(text: str) -> str | None:
    """The language of a text that is mostly in a script without spaces; None for any other text.

    Japanese is told by its kana, since it has the Chinese characters too.
    """
    counts = {code: len(script.findall(text)) for code, script in _SCRIPTS.items()}
    if 2 * sum(counts.values()) < len(_LETTER.findall(text)) or not any(counts.values()):
        return None
    if 20 * counts["ja"] > counts["zh"]:
        counts["zh"] = 0
    return max(counts, key=lambda code: counts[code])


def begins_spaced(text: str) -> bool:
    """Whether a space stands before a text in the middle of others, where nothing says so."""
    return _UNSPACED.match(text.lstrip()) is None


def is_parted(before: str, after: str) -> bool:
    """Whether a space parts two texts that follow each other, where nothing says so: not within such a script."""
    return not (_UNSPACED.match(before[-1:]) and _UNSPACED.match(after[:1]))


def join_pieces(words: Iterable[Word]) -> list[Word]:
    """Join each word that no space parts from the one before with that one, but within a script without spaces.

    A joined word has the time of all its pieces, and the lowest of their probabilities.
    """
    joined: list[Word] = []
    for word in words:
        if joined and not word.spaced and is_parted(joined[-1].text, word.text):
            joined[-1] = _join([joined[-1], word])
        else:
            joined.append(word)
    return joined


def divide_words(words: Sequence[Word]) -> list[Word]:
    """Divide what is written in a script without spaces into words; all other words stay as they are.

    Text and times stay: a word lasts from its first character to its last, and the characters of a given word share its
    time evenly. Punctuation stays with the word before it, an opening bracket with the word after it.
    """
    found: list[Word] = []
    for chain in _chain(words):
        if any(is_unspaced(word.text) for word in chain):
            found += _divide(chain)
        else:
            found += chain
    return found


def count_words(text: str) -> int:
    """How many words a text has, in any script; punctuation is none."""
    if not is_unspaced(text):
        return len(split_words(text))
    pieces = [text[start:end] for start, end in _find_words(text)]
    return sum(_LETTER.search(piece) is not None for piece in pieces)


def _chain(words: Sequence[Word]) -> Iterator[list[Word]]:
    """Yield the runs of words between spaces."""
    chain: list[Word] = []
    for word in words:
        if chain and word.spaced:
            yield chain
            chain = []
        chain.append(word)
    if chain:
        yield chain


def _divide(chain: Sequence[Word]) -> list[Word]:
    text = "".join(word.text for word in chain)
    owners = [(word, number) for word in chain for number in range(len(word.text))]
    made = []
    for start, end in _find_words(text):
        (first, at), (last, stop) = owners[start], owners[end - 1]
        given = [word.probability for word, _ in owners[start:end] if word.probability is not None]
        made.append(
            Word(
                text=text[start:end],
                start=first.start + (first.end - first.start) * at / len(first.text),
                end=last.start + (last.end - last.start) * (stop + 1) / len(last.text),
                probability=min(given, default=None),
                spaced=chain[0].spaced if start == 0 else False,
            )
        )
    return made


def _find_words(text: str) -> list[tuple[int, int]]:
    """Return where the words of a text without spaces begin and end; together they are the text."""
    from icu4py.breakers import WordBreaker

    found: list[tuple[int, int]] = []
    opens = False  # whether the last stretch is an opening bracket that waits for its word
    for start, end in WordBreaker(text, "en").segments():
        piece = text[start:end]
        if found and (opens or not _begins_word(text, start, piece)):
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
        opens = _LETTER.search(piece) is None and _OPENING.match(piece) is not None
    return found


def _begins_word(text: str, start: int, piece: str) -> bool:
    """Whether a stretch between two breaks begins a word, and is no punctuation or part of a word of another script."""
    if _LETTER.search(piece) is None:
        return _OPENING.match(piece) is not None
    return bool(_UNSPACED.match(text[start]) or _UNSPACED.match(text[start - 1]))


def _join(words: Sequence[Word]) -> Word:
    given = [word.probability for word in words if word.probability is not None]
    return words[0].model_copy(
        update={
            "text": "".join(word.text for word in words),
            "end": words[-1].end,
            "probability": min(given, default=None),
        }
    )
