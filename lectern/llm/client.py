"""Ask an LLM many things at once. Replies in the store are used again; the other requests are sent and stored."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lectern.core.errors import LecternError
from lectern.core.items import SyncResult
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

    def check(self, allowed: float, what: str) -> None:
        """Fail if too many requests got no reply. Call it after everything else has been made and stored.

        Raises:
            LecternError: more than the allowed share failed.
        """
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
    missing = [request for key, request in sorted(wanted.items()) if store.get(key) is None]
    failed: Mapping[str, str] = {}
    if missing:
        failed = _load(llm)(missing, llm, store.put, what)
    store.close(wanted)
    replies = {key: reply for key in wanted if (reply := store.get(key)) is not None}
    return Answers(replies, failed, len(missing))


Engine = Callable[[Sequence[Request], LLM, Callable[[Reply], None], str], Mapping[str, str]]
"""Answers each request, passes each reply on as it arrives, and returns key -> reason for those without one."""


def _load(llm: LLM) -> Engine:
    if llm.engine == "embedded":
        from lectern.llm import bundled

        return bundled.answer
    from lectern.llm import endpoint

    return endpoint.answer
