"""Examples made by a line of text each."""

from lectern.core.schema import Example, Message, Provenance


def row(
    question: str,
    answer: str,
    item: str = "talk-1",
    start: float = 0.0,
    method: str = "description_questions",
    system: str | None = None,
) -> Example:
    return dialogue([(question, answer)], item, start, method, system)


def dialogue(
    turns: list[tuple[str, str]],
    item: str = "talk-1",
    start: float = 0.0,
    method: str = "dialogue",
    system: str | None = None,
) -> Example:
    messages = [Message(role="system", content=system)] if system else []
    for question, answer in turns:
        messages += [Message(role="user", content=question), Message(role="assistant", content=answer)]
    return Example.of(messages, Provenance(item=item, start=start, method=method))


def sentence(*numbers: int) -> str:
    """Words that no two numbers share, so that similarity can be counted by hand."""
    return " ".join(f"w{number}" for number in numbers)
