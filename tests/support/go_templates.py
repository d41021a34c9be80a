"""What Go's text/template makes of the few actions that a Modelfile holds; anything else is an error."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

Chat = Sequence[dict[str, str]]


@dataclass(frozen=True)
class Scope:
    """Where an action stands: in the whole chat, and in which of its messages."""

    chat: Chat
    at: int = 0

    @property
    def system(self) -> str:
        return next((message["content"] for message in self.chat if message["role"] == "system"), "")


Node = Callable[[Scope], str]


def render(template: str, chat: Chat) -> str:
    """Return the text of a template for a chat."""
    parts = re.split(r"(\{\{ .*? \}\})", template)
    assert "".join(parts[::2]) == "", "all literals are constants"
    actions = iter([part[3:-3] for part in parts[1::2]])
    nodes, last = _read(actions)
    assert last == ""
    return "".join(node(Scope(chat)) for node in nodes)


def _read(actions: Iterator[str]) -> tuple[list[Node], str]:
    """Read up to the end of a block; returns what is in it, and the action that ended it (empty at the end of all)."""
    nodes: list[Node] = []
    for action in actions:
        if action == "end" or action.startswith("else"):
            return nodes, action
        if action.startswith("if "):
            nodes.append(_read_branches(action.removeprefix("if "), actions))
        elif action in ("range .Messages", "range $at, $message := .Messages"):
            inner, ended = _read(actions)
            assert ended == "end"
            nodes.append(
                lambda scope, inner=inner: "".join(
                    node(Scope(scope.chat, at)) for at in range(len(scope.chat)) for node in inner
                )
            )
        elif action == ".Content":
            nodes.append(lambda scope: scope.chat[scope.at]["content"])
        else:
            nodes.append(partial(_write, json.loads(action)))
    return nodes, ""


def _write(text: str, _: Scope) -> str:
    return text


def _read_branches(condition: str, actions: Iterator[str]) -> Node:
    inner, ended = _read(actions)
    other: Node = lambda _: ""  # noqa: E731
    if ended.startswith("else if "):
        other = _read_branches(ended.removeprefix("else if "), actions)
    else:
        assert ended == "end"
    return lambda scope: "".join(node(scope) for node in inner) if _holds(condition, scope) else other(scope)


def _holds(condition: str, scope: Scope) -> bool:
    if condition == "not .System":
        return not scope.system
    if condition == "not (and $.System (eq $at 1))":
        return not (scope.system and scope.at == 1)
    found = re.fullmatch(r'eq \.Role "(\w+)"', condition)
    assert found, condition
    return scope.chat[scope.at]["role"] == found[1]
