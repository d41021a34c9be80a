"""Judges that reply by a rule, for the server of tests/support/teacher_server.py, and what they are asked about."""

import hashlib
import re
from collections.abc import Callable, Iterable
from typing import Any

from lectern.core.schema import Label, Message, Prediction, Provenance

FENCE = re.compile(r'<(passage-\w+) id="([^"]*)">\n(.*?)\n</\1>', re.DOTALL)

Chat = list[dict[str, str]]
Rule = Callable[[Chat, dict[str, Any]], Any]


def fenced(messages: Chat) -> dict[str, str]:
    """What the user's message shows between tags, by the tags' id."""
    return {name: text for _, name, text in FENCE.findall(messages[-1]["content"])}


def _reply(schema: dict[str, Any], verdict: str, score: int) -> dict[str, Any]:
    """The verdict or the score, whichever is asked for, with a reason where one is."""
    everything = {"reason": "So it seems.", "verdict": verdict, "score": score}
    return {name: everything[name] for name in schema["properties"]}


def always_a(messages: Chat, schema: dict[str, Any]) -> Any:
    return _reply(schema, "A", 4)


def at_random(messages: Chat, schema: dict[str, Any]) -> Any:
    """By chance, but the same to the same question."""
    drawn = int(hashlib.sha256(str(messages).encode()).hexdigest(), 16)
    return _reply(schema, ("A", "B", "tie")[drawn % 3], 1 + drawn // 3 % 5)


def longer(messages: Chat, schema: dict[str, Any]) -> Any:
    shown = fenced(messages)
    if "answer" in shown:
        return _reply(schema, "", min(5, 1 + len(shown["answer"]) // 30))
    a, b = len(shown["A"]), len(shown["B"])
    return _reply(schema, "A" if a > b else "B" if b > a else "tie", 0)


def copying(labels: Iterable[Label]) -> Rule:
    """Says what people say, of texts that it recognises."""
    better = {}
    for label in labels:
        for answer, wins in ((label.a, "a"), (label.b, "b")):
            better[label.messages[-1].content, label.a, label.b, answer] = label.verdict == wins

    def reply(messages: Chat, schema: dict[str, Any]) -> Any:
        shown = fenced(messages)
        found = {
            answer: wins
            for (question, a, b, answer), wins in better.items()
            if question == shown["question"] and {shown.get("A"), shown.get("B")} == {a, b}
        }
        if "answer" in shown:
            wins = [
                w
                for (q, _, _, answer), w in better.items()
                if (q, answer) == (shown["question"], shown["answer"])
            ]
            return _reply(schema, "", 5 if any(wins) else 2)
        names = [name for name in ("A", "B") if found.get(shown[name])]
        return _reply(schema, names[0] if names else "tie", 0)

    return reply


def prediction(id: str, answer: str, item: str = "talk-1", set: str = "held_out", **more: Any) -> Prediction:
    given = {
        "messages": [Message(role="user", content=f"What is {id}?")],
        "reference": f"It is {id}.",
        "provenance": Provenance(item=item, method="qa"),
    } | more
    return Prediction(id=id, set=set, prediction=answer, finished=True, nll=None, tokens=None, **given)


def pair(question: str, a: str, b: str, verdict: Any, by: str = "asha", **more: Any) -> Label:
    messages = [Message(role="user", content=question)]
    return Label(kind="pair", messages=messages, a=a, b=b, verdict=verdict, by=by, **more)
