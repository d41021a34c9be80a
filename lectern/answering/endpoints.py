"""Get the answers of contestants at endpoints, through the same client and store of replies as all calls of LLMs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lectern.answering import answering
from lectern.answering.contestants import Served
from lectern.answering.questions import Ask
from lectern.answering.sources import Sources
from lectern.core import batches, io
from lectern.core.errors import LecternError
from lectern.core.schema import WITH_SOURCES, Prediction
from lectern.llm import client
from lectern.llm.option_names import LLAMA_CPP, VLLM, name_options
from lectern.llm.replies import COUNT, Replies
from lectern.llm.request import make_request
from lectern.models.generation import AnswerOptions, RowResult
from lectern.settings.decoding import Decoding
from lectern.settings.llm import LLM
from lectern.training import persona


@dataclass(frozen=True)
class Answers:
    """The answers of an endpoint."""

    outcomes: dict[str, RowResult]
    """key of the question -> answer; questions without a reply are left out"""
    failure: str | None
    """the error if more questions have no reply than are allowed; else None"""


def answer_all(
    everyone: Sequence[Served],
    asks: Sequence[Ask],
    persona_text: str | None,
    options: AnswerOptions,
    replies: Path,
    sources: Sources | None = None,
) -> dict[str, Answers]:
    """Get the answers of each endpoint.

    Each endpoint has its own store, because two servers may have different models of the same name.

    Args:
        everyone: the contestants at endpoints.
        asks: the questions, in any order.
        persona_text: `render.persona`, as for the other contestants.
        options: how the answers are written.
        replies: folder of the stores.
        sources: the passages of contestants that answer with some; None if there are no such contestants.
    """
    _remove_others(replies, [who.name for who in everyone])
    came = {
        who.name: answer(who, asks, persona_text, options, replies / who.name, sources) for who in everyone
    }
    count = sum(len(answers.outcomes) for answers in came.values())
    io.write_json(replies / COUNT, {"replies": count})  # DVC warns of an empty folder
    return came


def answer(
    who: Served,
    asks: Sequence[Ask],
    persona_text: str | None,
    options: AnswerOptions,
    replies: Path,
    sources: Sources | None = None,
) -> Answers:
    """Get the answers of one endpoint to all questions. Those in the store are not asked again.

    Args:
        who: the contestant, with the limits and budget of its endpoint.
        asks: the questions, in any order.
        persona_text: `render.persona`, as for the other contestants.
        options: how the answers are written; they override those of the endpoint.
        replies: folder of its store.
        sources: the passages for each question, if the contestant answers with some.
    """
    shape, asked = persona.Shape(persona_text, system_role=True), _with_options(who.llm, options)
    requests = {}
    for ask in asks:
        messages = shape.introduce(ask.messages, ask.provenance)
        if who.sources and sources:
            messages = sources.place(messages, sources.of(ask.key))
        requests[ask.key] = make_request(asked, shape.place(messages))
    what, failure = f"comparators.{who.name.removesuffix(WITH_SOURCES)}.endpoint", None
    try:
        client.ask([*requests.values()], asked, replies, what).check(who.llm.allow_failed, what)
    except LecternError as error:  # replies that came before the error are in the store
        failure = str(error)
    store = Replies(replies)
    store.close(request.key for request in requests.values())
    outcomes = {}
    for key, request in requests.items():
        if reply := store.get(request.key):
            outcomes[key] = RowResult(reply.text.strip(), finished=not reply.cut, nll=None, tokens=None)
    return Answers(outcomes, failure)


def list_files(
    everyone: Sequence[Served], came: Mapping[str, Answers], asks: Mapping[str, Ask], sources: Sources | None
) -> dict[str, batches.File[Prediction]]:
    """Return the file of each contestant, its rows sorted by set and id.

    Args:
        everyone: the contestants.
        came: contestant -> its answers.
        asks: key -> question.
        sources: the passages for each question; None if no contestant answers with some.
    """
    return {
        who.name: batches.File(
            [],
            answering.sort(
                [
                    answering.predict(asks[key], outcome, sources.of(key) if who.sources and sources else ())
                    for key, outcome in came[who.name].outcomes.items()
                ]
            ),
        )
        for who in everyone
    }


def check(came: Mapping[str, Answers]) -> None:
    """Raise one error for all contestants that left more questions unanswered than allowed.

    Raises:
        LecternError: there are some.
    """
    if failures := [answers.failure for answers in came.values() if answers.failure]:
        raise LecternError(" ".join(failures))


def _with_options(llm: LLM, options: AnswerOptions) -> LLM:
    """Return the endpoint with the same decoding options as the models that run here."""
    extra = dict(llm.extra)
    if "max_completion_tokens" in extra:  # some models accept only this name for the limit
        extra["max_completion_tokens"] = options.max_new_tokens
    return replace(
        llm,
        max_tokens=options.max_new_tokens,
        temperature=options.decoding.temperature,
        seed=options.seed if options.decoding.temperature else llm.seed,
        extra={**_name_options(options.decoding, llm.engine), **extra},
        repair=False,  # an answer that reached the limit counts as it is
    )


def _name_options(decoding: Decoding, engine: str) -> dict[str, float]:
    """The options beside the temperature that change anything, by their names at the engine.

    What changes nothing is not sent, because OpenAI's own server refuses the options that it does not know.
    """
    changes = {name: value for name, value in decoding.changes.items() if name != "temperature"}
    if engine == "embedded":
        return changes
    return {**name_options(changes, VLLM), **name_options(changes, LLAMA_CPP)}


def _remove_others(replies: Path, names: Sequence[str]) -> None:
    """Remove the stores of other contestants. Their replies stay on this machine, so that they can be used again."""
    replies.mkdir(parents=True, exist_ok=True)
    for folder in sorted(replies.iterdir()):
        if folder.is_dir() and folder.name not in names:
            Replies(folder).close([])
            (folder / COUNT).unlink()
            folder.rmdir()
