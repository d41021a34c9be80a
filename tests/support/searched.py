"""Units and conversations for the tests of retrieval."""

from lectern.core.schema import Conversation, Provenance, Role, Unit, Utterance, Word, passage_id

SPEECH = {
    "cheese": [
        "We milk the goats at five in the morning, before the heat.",
        "A wheel of hard cheese ripens in the cellar for ten months.",
        "Rennet makes the milk curdle within forty minutes.",
    ],
    "bridges": [
        "The old bridge was built of granite in eighteen ninety.",
        "Salt on the road is what eats the steel from within.",
        "We measure the cracks twice a year with a small ruler.",
    ],
}


def unit(item: str, number: int, text: str) -> Unit:
    """A turn of ten seconds."""
    where = Provenance(item=item, start=10.0 * number, end=10.0 * number + 10, method="turn")
    return Unit(id=passage_id(item, text), text=text, provenance=where)


def units() -> list[Unit]:
    return [unit(item, at, text) for item, said in SPEECH.items() for at, text in enumerate(said)]


def conversation(*turns: tuple[Role, str], item: str = "talk", language: str = "en") -> Conversation:
    """A conversation in which each word takes half a second; in other scripts, a word is a character."""
    utterances, at = [], 0.0
    for role, text in turns:
        words = []
        for part in text.split() if text.isascii() else list(text):
            words.append(Word(text=part, start=at, end=at + 0.4))
            at += 0.5
        utterances.append(Utterance(speaker=role, role=role, words=words))
    return Conversation(
        item=item,
        title=item,
        url="https://example.org/talk",
        description="",
        language=language,
        duration=at,
        utterances=utterances,
    )
