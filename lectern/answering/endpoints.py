"""Answers of a contestant at an endpoint, by the client and the store of replies that every stage asks LLMs with."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lectern.answering.contestants import Served
from lectern.answering.questions import Ask
from lectern.core import io
from lectern.core.errors import LecternError
from lectern.llm import client
from lectern.llm.replies import COUNT, Replies
from lectern.llm.request import make_request
from lectern.models.generation import Decoding, Outcome
from lectern.settings.llm import LLM
from lectern.training import persona


@dataclass(frozen=True)
class Answers:
    """What came from an endpoint."""

    outcomes: dict[str, Outcome]
    """key of the ask -> what came; those without a reply are not there"""
    failure: str | None
    """why more of them have no reply than are allowed to"""


def answer_all(
    everyone: Sequence[Served],
    asks: Sequence[Ask],
    persona_text: str | None,
    decoding: Decoding,
    replies: Path,
) -> dict[str, Answers]:
    """What each endpoint answers. A store of its own for each: two servers may call two models by one name.

    Args:
        everyone: those at endpoints.
        asks: in any order.
        persona_text: `render.persona`, as for the other contestants.
        decoding: how tokens are chosen.
        replies: folder of the stores.
    """
    _remove_others(replies, [who.name for who in everyone])
    came = {
        who.name: answer(who.name, who.llm, asks, persona_text, decoding, replies / who.name)
        for who in everyone
    }
    count = sum(len(answers.outcomes) for answers in came.values())
    io.write_json(replies / COUNT, {"replies": count})  # DVC warns of an empty folder
    return came


def answer(
    name: str, llm: LLM, asks: Sequence[Ask], persona_text: str | None, decoding: Decoding, replies: Path
) -> Answers:
    """What an endpoint answers to everything; what the store has is not asked again.

    Args:
        name: of the contestant.
        llm: the endpoint, its limits and budget.
        asks: in any order.
        persona_text: `render.persona`, as for the other contestants.
        decoding: how tokens are chosen; wins over what `llm` says of it.
        replies: folder of its store.
    """
    shape, asked = persona.Shape(persona_text, system_role=True), _with_decoding(llm, decoding)
    requests = {
        ask.key: make_request(asked, shape.place(shape.introduce(ask.messages, ask.provenance)))
        for ask in asks
    }
    what, failure = f"comparators.{name}.endpoint", None
    try:
        client.ask([*requests.values()], asked, replies, what).check(llm.allow_failed, what)
    except LecternError as error:  # what came before is in the store
        failure = str(error)
    store = Replies(replies)
    store.close(request.key for request in requests.values())
    outcomes = {}
    for key, request in requests.items():
        if reply := store.get(request.key):
            outcomes[key] = Outcome(reply.text.strip(), finished=not reply.cut, nll=None, tokens=None)
    return Answers(outcomes, failure)


def _with_decoding(llm: LLM, decoding: Decoding) -> LLM:
    """The endpoint, asked for answers as the models here are."""
    extra = dict(llm.extra)
    if "max_completion_tokens" in extra:  # of models that know no other limit
        extra["max_completion_tokens"] = decoding.max_new_tokens
    if decoding.temperature:
        extra = {"top_p": decoding.top_p, **extra}
    return replace(
        llm,
        max_tokens=decoding.max_new_tokens,
        temperature=decoding.temperature,
        seed=decoding.seed if decoding.temperature else llm.seed,
        extra=extra,
        repair=False,  # an answer that was cut is an answer
    )


def _remove_others(replies: Path, names: Sequence[str]) -> None:
    """Leave only the stores of these contestants. Replies in the others stay on this machine as spares."""
    replies.mkdir(parents=True, exist_ok=True)
    for folder in sorted(replies.iterdir()):
        if folder.is_dir() and folder.name not in names:
            Replies(folder).close([])
            (folder / COUNT).unlink()
            folder.rmdir()
