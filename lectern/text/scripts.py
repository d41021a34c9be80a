"""The language of a text, where what its file declares cannot be."""

from functools import lru_cache
from typing import Any

import regex

LETTER = regex.compile(r"\p{L}")
LATIN = regex.compile(r"\p{Latin}")
# fmt: off
WRITTEN_IN_LATIN = frozenset({
    "af", "ca", "cs", "cy", "da", "de", "en", "es", "et", "eu", "fi", "fr", "ga", "gl", "hr", "hu", "id", "is",
    "it", "lt", "lv", "ms", "nb", "nl", "nn", "no", "pl", "pt", "ro", "sk", "sl", "sq", "sv", "sw", "tr", "vi",
})
# fmt: on
"""ISO 639-1 codes of common languages in Latin letters, one of which office programs declare unless told another."""
FEWEST_LETTERS = 40
SAMPLE = 10_000
"""Characters that are looked at."""


def language_of(text: str, declared: str | None) -> str | None:
    """The declared language (BCP 47, such as `en-US`), unless it has Latin letters and the text has not.

    Then it is what py3langid (97 languages) takes the text for, as an ISO 639-1 code. Office programs declare the
    language of the program in texts of any other.
    """
    code = (declared or "").partition("-")[0].lower()
    letters = len(LETTER.findall(text := text[:SAMPLE]))
    if code not in WRITTEN_IN_LATIN or letters < FEWEST_LETTERS or 2 * len(LATIN.findall(text)) > letters:
        return declared
    return str(load_detector().classify(text)[0])


@lru_cache
def load_detector() -> Any:
    """py3langid's identifier, which gives probabilities with its answers."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
