"""Ask an LLM many things at once. Replies in the store are used again; the other requests are sent and stored."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lectern.core.errors import LecternError
from lectern.core.items import SyncResult
from lectern.llm import malformed, structured
from lectern.llm.replies import Replies
from lectern.llm.request import Reply, Request
from lectern.settings.llm import LLM


@dataclass(frozen=True)
class Answers:
    """The replies to some requests, and the reasons for those without one."""

    replies: Mapping[str, Reply]
    """Key -> reply, which may have a `problem`."""
    failed: Mapping[str, str]
    """Key -> why there is no reply, for example no connection, or a spent budget."""
    asked: int
    """Number of requests that the store could not answer."""
    hopeless: str | None = None
    """Why nearly all replies cannot be used, if that is so. They are not kept, and the next run asks again."""

    def check(self, allowed: float, what: str) -> None:
        """Fail if too many requests got no reply. Call it after everything else has been made and stored.

        Raises:
            LecternError: more than the allowed share failed, or nearly all replies cannot be used.
        """
        if self.hopeless and allowed < 1:
            raise LecternError(self.hopeless)
        total = len(self.replies) + len(self.failed)
        if len(self.failed) > allowed * total:
            reasons = sorted(set(self.failed.values()))
            raise LecternError(
                f"{len(self.failed)} of {total} calls to the {what} got no reply: {'; '.join(reasons[:3])}"
                + (f"; and {len(reasons) - 3} other reasons" if len(reasons) > 3 else "")
                + f". The replies that came are kept: run `dvc repro` again, or raise {what}.allow_failed."
            )


@dataclass(frozen=True)
class LLMStageResult:
    """The summary that a stage prints when it has asked an LLM."""

    items: SyncResult
    answers: Answers

    def __str__(self) -> str:
        return f"{self.items}; {self.answers.asked} calls, {len(self.answers.replies)} replies kept"


def ask(requests: Sequence[Request], llm: LLM, folder: Path, what: str) -> Answers:
    """Answer each request, from the store in `folder` or by the LLM. The store then holds exactly these replies.

    Args:
        requests: in any order; equal requests are sent once.
        llm: the LLM and its limits.
        folder: of the store.
        what: the section of params.yaml that `llm` comes from (such as `teacher`), for messages.

    Raises:
        LecternError: the LLM cannot be asked at all (no token, no such model); earlier replies are kept.
    """
    wanted = {request.key: request for request in requests}
    store = Replies(folder)
    stored = {key: reply for key in wanted if (reply := store.get(key)) is not None}
    for key, reply in stored.items():
        if (better := _read_again(reply, wanted[key])) is not None:
            store.put(better)
            stored[key] = better
    how = _digest(llm)
    again = _find_malformed(stored.values(), how)
    missing = [request for key, request in sorted(wanted.items()) if key not in stored or key in again]
    failed: Mapping[str, str] = {}
    new: list[Reply] = []

    def done(reply: Reply) -> None:
        kept = reply if reply.problem is None else reply.model_copy(update={"asked": how})
        store.put(kept)
        new.append(kept)

    if missing:
        failed = {key: why for key, why in _load(llm)(missing, llm, done, what).items() if key not in again}
    hopeless = malformed.describe(new, what)
    if hopeless is not None:
        store.drop(reply.key for reply in new if reply.problem is not None)
        failed = {**failed, **{reply.key: reply.problem for reply in new if reply.problem is not None}}
    store.close(wanted)
    replies = {key: reply for key in wanted if (reply := store.get(key)) is not None}
    return Answers(replies, failed, len(missing), hopeless)


def _read_again(reply: Reply, request: Request) -> Reply | None:
    """A reply that an earlier version of the code could not read, as it is read now; `None` if nothing changed."""
    if reply.problem is None or request.schema is None:
        return None
    text = structured.unwrap(reply.text, request.schema, request.texts)
    if structured.find_problem(text, request.schema) is not None:
        return None
    return reply.model_copy(update={"text": text, "problem": None, "asked": None})


def _find_malformed(stored: Iterable[Reply], how: str) -> set[str]:
    """The keys of replies with a problem that are asked for again: nearly all have one, or the server was another."""
    every = list(stored)
    bad = [reply for reply in every if reply.problem is not None]
    if malformed.are_hopeless(len(bad), len(every)):
        return {reply.key for reply in bad}
    return {reply.key for reply in bad if reply.asked not in (None, how)}


def _digest(llm: LLM) -> str:
    """What a reply depends on beside its request: the server, and the form in which JSON is requested."""
    return hashlib.sha256(f"{llm.engine}|{llm.base_url}|{llm.output}".encode()).hexdigest()[:16]


Engine = Callable[[Sequence[Request], LLM, Callable[[Reply], None], str], Mapping[str, str]]
"""Answers each request, passes each reply on as it arrives, and returns key -> reason for those without one."""


def _load(llm: LLM) -> Engine:
    if llm.engine == "embedded":
        from lectern.llm import bundled

        return bundled.answer
    from lectern.llm import endpoint

    return endpoint.answer
