"""Put the passages that a search found before a question."""

from collections.abc import Sequence

from lectern.core.schema import Found, Message
from lectern.llm.prompting import Prompt


def choose(found: Sequence[Found], *, most: int, max_words: int) -> list[Found]:
    """Return the first passages that a prompt has room for: at most `most`, with at most `max_words` words together.

    A passage that is too long is passed over, since a shorter one after it may fit.
    """
    chosen: list[Found] = []
    room = max_words
    for one in found:
        words = len(one.text.split())
        if len(chosen) < most and words <= room:
            chosen.append(one)
            room -= words
    return chosen


def place(messages: Sequence[Message], passages: Sequence[Found], prompt: Prompt) -> list[Message]:
    """Return the messages with the passages in the last question; without passages, the messages as they are.

    The prompt's system message comes after those of the conversation, so that a persona stays first.
    """
    if not passages:
        return list(messages)
    last = max(at for at, message in enumerate(messages) if message.role == "user")
    texts = [
        passage.text if passage.question is None else f"{passage.question}\n{passage.text}"
        for passage in passages
    ]
    written = prompt.render(passages=texts, question=messages[last].content)
    systems = next((at for at, message in enumerate(messages) if message.role != "system"), len(messages))
    return [
        *messages[:systems],
        *(message for message in written if message.role == "system"),
        *messages[systems:last],
        *(message for message in written if message.role == "user"),
        *messages[last + 1 :],
    ]
