"""Ask a server `count` things and store the replies in a folder, as a stage does: a process that can be killed.

Run: python tests/support/asking.py FOLDER COUNT SETTINGS, the last as JSON.
"""

import json
import sys
from pathlib import Path

from lectern.core.schema import Message
from lectern.llm import client
from lectern.llm.request import Request, make_request
from lectern.settings.llm import LLM
from tests.settings import configure

SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "string"}},
    "required": ["answer"],
    "additionalProperties": False,
}


def make_requests(llm: LLM, count: int) -> list[Request]:
    return [make_request(llm, [Message(role="user", content=f"request {n}")], SCHEMA) for n in range(count)]


if __name__ == "__main__":
    llm = configure(LLM, **json.loads(sys.argv[3]))
    client.ask(make_requests(llm, int(sys.argv[2])), llm, Path(sys.argv[1]), "teacher")
