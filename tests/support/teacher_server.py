"""A teacher LLM on 127.0.0.1 whose replies follow from the prompt by simple rules, for the tests of `teach`."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.support import chat_api

FENCE = re.compile(r'<passage-(\w+) id="([^"]*)">\n(.*?)\n</passage-\1>', re.DOTALL)


def shown(messages: list[dict[str, str]]) -> str:
    """The passage that the user's message holds."""
    return next(
        text
        for _, name, text in FENCE.findall(messages[-1]["content"]) + FENCE.findall(messages[1]["content"])
        if name != "heading"
    )


def copy_sentences(messages: list[dict[str, str]], schema: dict[str, Any]) -> Any:
    """A reply that fits the schema and is borne out: each answer repeats a sentence of the passage."""
    sentences = re.findall(r"\S[^.!?。]*[.!?。]?", shown(messages)) or [shown(messages)]

    def exchange(number: int) -> dict[str, str]:
        sentence = sentences[number % len(sentences)].strip()
        return {"question": ask(sentence), "evidence": sentence, "answer": f"It is so: {sentence}"}

    fields = schema["properties"]
    if "rows" in fields:
        return {"rows": [exchange(number) for number in range(fields["rows"]["minItems"])]}
    if "steps" in fields:
        steps = [{"evidence": sentence, "step": sentence} for sentence in sentences[:2]]
        return {"question": ask(sentences[0]), "steps": steps, "conclusion": f"So {sentences[0]}"}
    if "answer" in fields:
        return exchange(0) | {"question": f"Explain {sentences[0]}", "evidence": [sentences[0]]}
    return {"question": ask(sentences[0])}


def ask(sentence: str) -> str:
    return f"What is known about {' '.join(sentence.split()[:4])}?"


@dataclass
class Teacher:
    """The running server: what it was asked, and how it replies."""

    url: str = ""
    reply: Callable[[list[dict[str, str]], dict[str, Any]], Any] = copy_sentences
    """(messages, schema) -> the reply as a value, or as text where it is no JSON; None for status 500"""
    asked: list[list[dict[str, str]]] = field(default_factory=list)
    """messages of each call"""

    @property
    def passages(self) -> list[str]:
        """What was shown in each call."""
        return [shown(messages) for messages in self.asked]


@contextmanager
def serve() -> Iterator[Teacher]:
    """Run a teacher until the block ends."""
    teacher = Teacher()
    lock = threading.Lock()

    def reply(body: dict[str, Any]) -> chat_api.Answer:
        messages = body["messages"]
        with lock:
            teacher.asked.append(messages)
        value = teacher.reply(messages, body["response_format"]["json_schema"]["schema"])
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        return 500 if value is None else 200, chat_api.complete({"content": text})

    with chat_api.serve(reply) as teacher.url:
        yield teacher
