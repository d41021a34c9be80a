"""A server with OpenAI's chat API whose model copies: questions from a passage's sentences, and fours as ratings.

What it says is sound by the rules that the stages hold replies to, and depends on the request alone.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.support import chat_api

PASSAGE = re.compile(r"<(passage-\w+) [^>]*>\n(.*?)\n</\1>", re.DOTALL)


@dataclass
class Teacher:
    """The running server."""

    base_url: str = ""
    calls: list[str] = field(default_factory=list)
    """what the user said in each call that was answered"""


def write(schema: dict[str, Any], text: str) -> dict[str, Any]:
    """A reply that fits the schema of `qa`, or of a rating."""
    properties = schema["properties"]
    if "rows" not in properties:
        return {name: {"reason": "It is what the source says.", "score": 4} for name in properties}
    sentences = [s for s in re.split(r"(?<=[.!?])\s+", text) if len(s.split()) >= 6] or [text]
    rows = []
    for number in range(properties["rows"]["minItems"]):
        sentence = sentences[number % len(sentences)]
        topic = " ".join(sentence.split()[:5]).strip(".,;:?!\"'")
        rows.append(
            {"question": f"What is there to know about: {topic}?", "evidence": sentence, "answer": sentence}
        )
    return {"rows": rows}


@contextmanager
def serve() -> Iterator[Teacher]:
    """Run the server on a free port until the block ends."""
    teacher = Teacher()

    def reply(body: dict[str, Any]) -> chat_api.Answer:
        said = "\n".join(m["content"] for m in body["messages"] if m["role"] == "user")
        passage = PASSAGE.findall(said)[-1][1]
        teacher.calls.append(said)
        text = json.dumps(write(body["response_format"]["json_schema"]["schema"], passage))
        return 200, chat_api.complete({"content": text}, tokens=50)

    with chat_api.serve(reply) as teacher.base_url:
        yield teacher
