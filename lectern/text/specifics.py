"""What a sentence commits itself to: its numbers, its proper names, and which of its words it denies.

Number words, function words and most negations are English; digits, capital letters and the commonest negations of
Chinese and Japanese are known too.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise

import regex

from lectern.text.function_words import ENGLISH
from lectern.text.words import UNSPACED, words

SCOPE = 3
"""Number of content words after a negation that count as denied, up to the end of the clause."""
NEGATIONS = frozenset(
    ("no", "not", "never", "none", "nobody", "nothing", "nor", "neither", "cannot", "without")
)
_WEAK = frozenset(("rarely", "seldom", "hardly"))
_DIGITS = regex.compile(r"\d+(?:[.,:]\d+)*")
_NUMERALS = regex.compile("[一二三四五六七八九十百千万億亿]+")
_SMALL = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17,
    "eighteen": 18, "nineteen": 19,
}  # fmt: skip
_TENS = {
    "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
_LARGE = {"hundred": 100, "thousand": 1000, "million": 1_000_000}
_VALUES = _SMALL | _TENS | _LARGE
# A capital letter that does not begin a sentence, or a second one in the same word.
_NAME = regex.compile(r"(?<=[^\s.!?:;\"\u201c(\[-][\"')\]]*\s+)\p{Lu}[\w'-]*|\b\p{Lu}[\w-]*\p{Lu}[\w-]*")
_NOT_A_NAME = frozenset(("i", "i'm", "i've", "i'd", "i'll"))
_CLAUSE = regex.compile(
    r"[.,;:!?()\n。、，；：！？]+|\s[-\u2013\u2014]\s|\b(?:but|because|although|while|since)\b"
)
_UNSPACED = regex.compile(rf"(?V1)[{UNSPACED}]")
_UNSPACED_NEGATION = regex.compile("[不没沒未無无別别]|ない|ません|なかった")


def find_numbers(text: str) -> frozenset[str]:
    """Return the numbers: `1,000` and `a thousand` are both 1000. `one` alone is no number, since it is a pronoun."""
    plain = unicodedata.normalize("NFKC", text)
    written = {number.replace(",", "") for number in _DIGITS.findall(plain)}
    numerals = {run for run in _NUMERALS.findall(plain) if run != "一"}
    return frozenset(written | numerals | {str(number) for number in _read_number_words(words(plain))})


def _read_number_words(said: Sequence[str]) -> Iterator[int]:
    """Yield the numbers that stand in words. Years (`eighteen ninety`) are read as two numbers."""
    run: list[str] = []
    for word, after in pairwise([*said, "", ""]):
        if word in _VALUES and (not run or _continues(run[-1], word)):
            run.append(word)
        elif word == "and" and run and run[-1] in _LARGE and after in _VALUES:
            continue
        else:
            if run and run != ["one"]:
                yield _add_up(run)
            run = [word] if word in _VALUES else []


def _continues(before: str, word: str) -> bool:
    if word in _LARGE:
        return before not in _LARGE or _LARGE[before] < _LARGE[word]
    return before in _LARGE or (before in _TENS and _VALUES[word] < 10)


def _add_up(run: Sequence[str]) -> int:
    total = part = 0
    for word in run:
        if word == "hundred":
            part = max(1, part) * 100
        elif word in _LARGE:
            total, part = total + max(1, part) * _LARGE[word], 0
        else:
            part += _VALUES[word]
    return total + part


def find_names(text: str) -> frozenset[str]:
    """Return the words with a capital letter that the beginning of a sentence does not explain, case folded."""
    plain = unicodedata.normalize("NFKC", text).replace("\u2019", "'")
    return frozenset({word for name in _NAME.findall(plain) for word in words(name)} - _NOT_A_NAME)


def split_denied(text: str) -> list[tuple[str, bool]]:
    """Return the content words in order, each with whether a negation before it in the same clause denies it.

    In a script without spaces the pairs of neighbouring characters are taken for words, and a negation anywhere in a
    clause denies all of it.
    """
    found: list[tuple[str, bool]] = []
    for clause in _CLAUSE.split(unicodedata.normalize("NFKC", text)):
        if _UNSPACED.search(clause):
            denied = bool(_UNSPACED_NEGATION.search(clause))
            found += [(word, denied) for word in _pair(words(clause))]
            continue
        left = 0
        for word in words(clause):
            if is_negation(word):
                left = SCOPE
            elif word not in ENGLISH and any(character.isalnum() for character in word):
                found.append((word, left > 0))
                left -= 1
    return found


def is_negation(word: str) -> bool:
    """Whether a word denies what follows it, or nearly so (`rarely`); of a script without spaces, a character."""
    return (
        word in NEGATIONS or word in _WEAK or word.endswith("n't") or bool(_UNSPACED_NEGATION.fullmatch(word))
    )


def _pair(said: Sequence[str]) -> list[str]:
    """Return each pair of neighbouring characters of a script without spaces, and other words as they are."""
    pairs: list[str] = []
    before = ""
    for word in said:
        if not _UNSPACED.match(word):
            pairs.append(word)
            before = ""
            continue
        if before:
            pairs.append(before + word)
        before = word
    return pairs


_ENDINGS = ("ations", "ation", "ingly", "edly", "ings", "ing", "ied", "ies", "ed", "es", "ly", "s")


def stem(word: str) -> str:
    """Return an English word without its ending, so that forms of one word are equal; other words as they are.

    Nothing depends on whether the result is a word; only few short rules are used, and no dictionary.
    """
    if not (word.isascii() and word.isalpha()):
        return word.removesuffix("'s")
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            word = word[: -len(ending)] + ("y" if ending in ("ies", "ied") else "")
            if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "ls":
                word = word[:-1]
            break
    return word[:-1] if len(word) > 3 and word[-1] == "e" else word
