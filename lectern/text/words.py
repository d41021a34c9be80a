"""Words of any script, for comparing texts. Only this module decides which words count as the same.

`rouge_score` and most recipes keep only a-z and 0-9, which makes two identical Cyrillic sentences share nothing.
"""

import re
import unicodedata
from functools import lru_cache

import regex

# Scripts written without spaces: each character, with its combining marks, is a word of its own.
UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\u30fc\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
# The trailing [+#] keeps C, C++ and C# apart; the apostrophe keeps "don't" one word.
_LETTERS = rf"[[\p{{L}}\p{{M}}\p{{N}}]--[{UNSPACED}]]+"
_WORD = regex.compile(rf"(?V1)(?:[{UNSPACED}]\p{{M}}*|{_LETTERS}(?:'{_LETTERS})*[+#]*)")
_ASCII_WORD = re.compile(r"[a-z0-9]+(?:'[a-z0-9]+)*[+#]*")
"""The same words of a text in ASCII, which most are, in a quarter of the time."""
_INVISIBLE = regex.compile(r"\p{Cf}+")  # soft hyphens, joiners, direction marks


def words(text: str) -> list[str]:
    """Split `text` into comparable words: Unicode NFKC, case folded, punctuation dropped.

    Chinese, Japanese, Thai, Lao, Khmer and Burmese, which put no spaces between words, are split into characters.
    A text without any letter or digit (such as an emoji) is split at its spaces instead, so that it equals itself.
    """
    return list(_split(text))


@lru_cache(maxsize=1024)  # a text is soon compared again: alone, in its row and with its neighbours
def _split(text: str) -> tuple[str, ...]:
    if text.isascii():
        folded = text.lower()
        return tuple(_ASCII_WORD.findall(folded) or folded.split())
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    folded = _INVISIBLE.sub("", folded).replace("\u2019", "'")
    return tuple(_WORD.findall(folded) or folded.split())


def normalise(text: str) -> str:
    """The words of `text` joined by single spaces: equal for texts that differ only in case and punctuation."""
    return " ".join(words(text))
