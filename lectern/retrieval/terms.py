"""The terms of a text, by which BM25 finds it."""

import regex

from lectern.text.function_words import ENGLISH
from lectern.text.words import UNSPACED, words

_CHARACTER = regex.compile(rf"(?V1)[{UNSPACED}]\p{{M}}*")


def split(text: str) -> list[str]:
    """Return the words of a text; in scripts without spaces, its characters and each pair of neighbours.

    Pairs of characters are the usual terms for Chinese, Japanese and Korean (Lucene's CJKBigramFilter), since most
    words there have two. Single characters are kept too, so that a question of one character finds something. A text
    without letters and digits has no terms.

    English function words are left out, unless there is nothing else: spoken questions have many words that say nothing
    of their subject (`so, what do you think of it`). On other people's talks more is found without them
    (`tests.benchmarks.retrieval`).
    """
    terms: list[str] = []
    before = ""
    for word in words(text):
        if _CHARACTER.fullmatch(word):
            terms += [word, before + word] if before else [word]
            before = word
            continue
        before = ""
        if any(character.isalnum() for character in word):
            terms.append(word)
    return [term for term in terms if term not in ENGLISH] or terms
