"""The passages that contestants with sources answer with."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lectern.core.schema import Found, Message, Retrieved
from lectern.llm import prompting
from lectern.llm.prompting import Prompt
from lectern.retrieval import prompts


@dataclass(frozen=True)
class Sources:
    """The passages for each question, and how they are put before it."""

    found: Mapping[str, Sequence[Found]]
    """key of a question -> its passages, the best first"""
    prompt: Prompt

    @classmethod
    def choose(cls, retrieved: Iterable[Retrieved], prompt: str, most: int, max_words: int) -> "Sources":
        """Choose the passages that a prompt has room for.

        Args:
            retrieved: what was found for each question.
            prompt: name of the prompt's file.
            most: greatest number of passages.
            max_words: greatest number of their words.

        Raises:
            LecternError: there is no such prompt.
        """
        chosen = {
            f"{one.set}/{one.id}": prompts.choose(one.found, most=most, max_words=max_words)
            for one in retrieved
        }
        return cls(chosen, prompting.load(prompt))

    def of(self, key: str) -> Sequence[Found]:
        """Return the passages for a question; none if nothing was found for it."""
        return self.found.get(key, ())

    def place(self, messages: Sequence[Message], passages: Sequence[Found]) -> list[Message]:
        """Return the messages with these passages in the last question."""
        return prompts.place(messages, passages, self.prompt)
