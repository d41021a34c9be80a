"""Rules for the text of a row, which hold for every method and model."""

from collections.abc import Iterator

import regex

from lectern.text import evidence
from lectern.text.words import words

_NOUNS = (
    r"(?:text|passage|excerpt|extract|paragraph|article|document|section|chapter|transcript|source|context)"
)
_SAYS = (
    r"(?:says?|said|states?|stated|mentions?|mentioned|describes?|explains?|discusses|provides?|suggests?|"
    r"indicates?|tells?|refers?|claims?|outlines?|highlights?|does\s+not|doesn['\u2019]t)"
)
_SAY = r"(?:say|state|mention|describe|explain|discuss|suggest|indicate|tell|refer|claim|outline|highlight|provide)"
_WHO = r"(?:author|speaker|narrator|lecturer)"
REFERENCES = {
    "en": (
        rf"(?:according\s+to|based\s+on|as\s+per)\s+(?:the|this)\s+(?:\w+\s+)?{_NOUNS}",
        rf"(?:the|this)\s+(?:\w+\s+)?(?:{_NOUNS}|{_WHO})\s+{_SAYS}",
        rf"(?:does|did)\s+(?:the|this)\s+(?:\w+\s+)?(?:{_NOUNS}|{_WHO})\s+(?:\w+\s+)?{_SAY}",
        rf"(?:in|from|by)\s+(?:this|the\s+(?:given|above|provided|following))\s+{_NOUNS}",
        rf"(?:said|stated|mentioned|described|discussed|provided|given)\s+in\s+(?:the|this)\s+{_NOUNS}",
        r"(?:the|this)\s+(?:passage|excerpt)(?!\s+(?:of|through|from|to|between|into))",
    ),
    "de": (
        r"(?:laut|gem\u00e4\u00df|nach)\s+(?:dem|diesem|der)\s+(?:text|abschnitt|passage|auszug|artikel|dokument|absatz)",
        r"(?:im|in\s+diesem|in\s+dem)\s+(?:vorliegenden\s+)?(?:text|abschnitt|auszug)(?:\s+(?:wird|steht|genannt|erw\u00e4hnt))",
        r"(?:der|dieser)\s+(?:text|abschnitt|auszug)\s+(?:sagt|beschreibt|erkl\u00e4rt|erw\u00e4hnt|nennt|besagt)",
    ),
    "fr": (
        r"(?:selon|d['\u2019]apr\u00e8s)\s+(?:le|ce|cet|l['\u2019])\s*(?:texte|passage|extrait|article|document|paragraphe)",
        r"(?:le|ce|cet)\s+(?:texte|passage|extrait)\s+(?:dit|explique|d\u00e9crit|mentionne|indique|pr\u00e9cise)",
        r"dans\s+(?:ce|cet)\s+(?:texte|passage|extrait)",
    ),
    "es": (
        r"(?:seg\u00fan|de\s+acuerdo\s+con)\s+(?:el|este)\s+(?:texto|pasaje|fragmento|art\u00edculo|documento|p\u00e1rrafo)",
        r"(?:el|este)\s+(?:texto|pasaje|fragmento)\s+(?:dice|explica|describe|menciona|indica)",
        r"en\s+este\s+(?:texto|pasaje|fragmento)",
    ),
    "it": (
        r"(?:secondo|in\s+base\s+a)\s*(?:il|al|questo)\s+(?:testo|brano|passaggio|passo|documento|paragrafo)",
        r"(?:il|questo)\s+(?:testo|brano)\s+(?:dice|spiega|descrive|menziona|indica)",
    ),
    "pt": (
        r"(?:segundo|conforme|de\s+acordo\s+com)\s+[oe]s?(?:te)?\s+(?:texto|trecho|artigo|documento|par\u00e1grafo)",
        r"(?:o|este)\s+(?:texto|trecho)\s+(?:diz|explica|descreve|menciona|indica)",
    ),
    "ru": (
        r"(?:согласно|по)\s+(?:данному\s+|этому\s+)?(?:тексту|отрывку|документу)",
        r"в\s+(?:данном\s+|этом\s+)?(?:тексте|отрывке|абзаце)\s+(?:говорится|сказано|указано|упоминается|описано)",
        r"(?:текст|отрывок)\s+(?:говорит|описывает|объясняет|упоминает)",
    ),
}
"""Phrases that speak of the text instead of its subject, by language. Rows of any language are searched for all."""
_REFERENCE = regex.compile(
    "|".join(rf"\b(?:{p})\b" for ps in REFERENCES.values() for p in ps), regex.IGNORECASE
)


def find_fault(
    question: str,
    answer: str,
    passage: evidence.Text,
    *,
    question_words: tuple[int, int],
    answer_words: tuple[int, int],
) -> str | None:
    """Return why a question and its answer are not usable as a row; `None` if they are.

    The bounds (least, most) are in words as `text.words` counts them: in scripts without spaces, characters. Both
    values are still allowed.
    """
    if refers_to_passage(question, passage) or refers_to_passage(answer, passage):
        return "refers_to_passage"
    for reason, text, (least, most) in (
        ("question_length", question, question_words),
        ("answer_length", answer, answer_words),
    ):
        if not least <= len(words(text)) <= most:
            return reason
    return None


def refers_to_passage(text: str, passage: evidence.Text) -> bool:
    """Whether a text speaks of the passage itself ("According to the text, ..."), which a reader would have to see.

    A phrase that the passage itself contains does not count: a contract may speak of its own sections.
    """
    return any(not evidence.find(found, passage) for found in _references(text))


def _references(text: str) -> Iterator[str]:
    return (found[0] for found in _REFERENCE.finditer(text))
