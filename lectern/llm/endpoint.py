"""Ask any server that has OpenAI's chat API: vLLM, llama.cpp, Ollama, or a cloud provider.

The openai package makes the calls, but not the retries, which it would hide. Here each try counts against the budget
and waits for its turn; a wait that the server asks for holds for all calls and may exceed the package's limit of two
minutes; and an endpoint that is down is not tried thousands of times.
"""

import asyncio
import contextlib
import dataclasses
import json
import os
import random
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from lectern.core import secrets
from lectern.core.errors import LecternError
from lectern.core.printing import warn
from lectern.llm import budget as budgets
from lectern.llm import completions, malformed, prompting, structured
from lectern.llm.budget import Budget, BudgetError, Size
from lectern.llm.completions import AccessError, Completion, RefusedError, TryError
from lectern.llm.limits import Pace, backoff
from lectern.llm.request import Reply, Request
from lectern.settings.llm import LLM, OUTPUTS

if TYPE_CHECKING:
    import openai

OPENAI = "https://api.openai.com/v1"
DOWN_AFTER = 3
"""The endpoint counts as down when so many requests in a row have used up all their tries and no call was answered."""
REFUSED_AFTER = 20
"""When so many requests in a row were refused and none was answered, the others would be refused too."""
MALFORMED_AFTER = 20
"""After so many replies, of which nearly all cannot be used, no more are asked for."""
PROBE = 20.0
"""Longest time in which one call goes ahead of the others. Unit: seconds."""
REMEDIES = {
    401: "It does not accept the token.",
    402: "The account has no money left.",
    403: "The token may not use this model.",
    404: "There is no such model, or the address is wrong (most end in /v1).",
}

MOVED = "Neither the token nor a text is sent there. If the address is right, make it the base_url."

Chat = list[dict[str, str]]


class UnansweredError(Exception):
    """The request gets no reply; the others still may."""


@dataclass
class _Run:
    """The state that all calls of one run share."""

    llm: LLM
    what: str
    client: "openai.AsyncOpenAI"
    budget: Budget
    hide: Callable[[object], str]
    """Shortens a message and masks the token in it, in case the server sent the token back."""
    mask: Callable[[str], str]
    """Masks the token in a reply, because replies are stored and become rows."""
    failed: dict[str, str] = field(default_factory=dict)
    stopped: str | None = None
    """Why no more requests are sent; `None` while the run goes on."""
    error: LecternError | None = None
    """The error to raise at the end."""
    signal: int | None = None
    """The signal that interrupted the run."""
    down: int = 0
    refused: int = 0
    came: list[Reply] = field(default_factory=list)
    """The replies so far, good or with a problem."""
    answered: bool = False
    """Whether the server has answered any call."""
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the first request is done with, whether it was answered or not."""
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.url = self.llm.base_url or OPENAI
        self.output = self.llm.output
        self.pace = Pace(self.llm.requests_per_minute, self.llm.tokens_per_minute, sleep=self.sleep)

    def stop(self, reason: str) -> None:
        """Send no more requests. Calls in flight are paid for, so their replies are still accepted."""
        self.stopped = self.stopped or reason
        self.stopping.set()

    def count(self, reply: Reply) -> None:
        """Count a reply, and stop the run if nearly all cannot be used."""
        self.came.append(reply)
        if len(self.came) >= MALFORMED_AFTER and (reason := malformed.describe(self.came, self.what)):
            self.stop(f"no more requests were sent, because {reason}")

    def fall_back(self, output: str, reason: str) -> bool:
        """Request JSON in another form than `output`, which the server refuses. False if there is none left."""
        if output == self.output:
            if output == OUTPUTS[-1]:
                return False
            self.output = OUTPUTS[OUTPUTS.index(output) + 1]
            warn(f"{self.what}: {reason}. JSON is requested by output={self.output} from now on.")
        return True

    def check(self) -> None:
        """Raise UnansweredError when the run was stopped."""
        if self.stopped:
            raise UnansweredError(self.stopped)

    async def sleep(self, seconds: float) -> None:
        """Sleep, or raise UnansweredError as soon as the run is stopped."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), seconds)
        self.check()


def answer(
    requests: Sequence[Request], llm: LLM, done: Callable[[Reply], None], what: str
) -> Mapping[str, str]:
    """Answer each request by the endpoint. Each reply is passed to `done` as it arrives.

    After the first Ctrl-C or SIGTERM no more calls start, and those in flight, which are paid for, are awaited. The
    second one ends them.

    Args:
        requests: all different from each other.
        llm: the endpoint, its limits and the budget.
        done: takes a reply, whether good or with a problem.
        what: section of the parameters, for messages.

    Returns:
        Key -> reason for each request without a reply.

    Raises:
        LecternError: there is no token, or the endpoint rejects the token or does not have the model. Earlier replies
            were passed to `done`.
    """
    run = asyncio.run(_answer(requests, llm, done, what))
    if run.signal == signal.SIGINT:
        raise KeyboardInterrupt
    if run.signal is not None:
        signal.raise_signal(run.signal)  # the original handler is restored; by default it ends the process
    if run.error:
        raise run.error
    return run.failed


async def _answer(requests: Sequence[Request], llm: LLM, done: Callable[[Reply], None], what: str) -> _Run:
    import openai

    token = _token(llm, what)
    # Address and token are always passed, or else the package would take them from OPENAI_... variables.
    url = llm.base_url or OPENAI
    client = openai.AsyncOpenAI(base_url=url, api_key=token or "none", max_retries=0, timeout=llm.timeout)

    def hide(text: object) -> str:
        # The text is cut after masking: a part of a token would not be recognized.
        return secrets.mask(str(text), token or "")[:400]

    def mask(text: str) -> str:
        return text if token is None or secrets.is_dummy(token) else secrets.mask(text, token)

    run = _Run(llm, what, client, Budget(llm, what), hide, mask)
    sizes = (_size(llm, request, _chat(llm.output, request)) for request in requests)
    warn(f"{what}: {llm.model} at {run.url}: {run.budget.estimate(sizes)}")
    waiting = iter(requests)
    async with client:
        with tqdm(total=len(requests), desc=what, unit="request", disable=None) as bar, _draining(run):
            workers = min(llm.concurrency, len(requests))
            first = asyncio.create_task(_work(run, waiting, done, bar))
            # One call goes ahead: what is wrong for all is then found out, and adapted to, by one.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(run.begun.wait(), PROBE)
            await asyncio.gather(first, *(_work(run, waiting, done, bar) for _ in range(workers - 1)))
    answered = f"{len(requests) - len(run.failed):,} of {len(requests):,} requests have a reply"
    warn(f"{what}: {run.budget.describe()}; {answered}")
    return run


def _token(llm: LLM, what: str) -> str | None:
    if llm.api_key is None:
        return None
    if token := os.environ.get(llm.api_key, "").strip():
        return token
    raise LecternError(
        f"the environment variable {llm.api_key}, which {what}.api_key names, is not set. It holds the token for "
        f"{llm.base_url or OPENAI}: `export {llm.api_key}=...` and run `dvc repro` again."
    )


@contextlib.contextmanager
def _draining(run: _Run) -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM stop the run gently; the second one has its usual effect."""
    loop = asyncio.get_running_loop()
    before: dict[int, Any] = {}

    def release() -> None:
        while before:
            number, handler = before.popitem()
            loop.remove_signal_handler(number)
            signal.signal(number, handler)

    def drain(number: int) -> None:
        release()
        run.signal = number
        run.stop("the run was interrupted")
        warn(
            f"\n{run.what}: interrupted; waiting for the calls in flight, which are paid for. Interrupt again to drop "
            "them."
        )

    # Only the main thread can have such handlers, and Windows has none; there a signal ends the run at once.
    with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
        for number in (signal.SIGINT, signal.SIGTERM):
            handler = signal.getsignal(number) or signal.SIG_DFL
            loop.add_signal_handler(number, drain, number)
            before[number] = handler
    try:
        yield
    finally:
        release()


async def _work(
    run: _Run, waiting: Iterator[Request], done: Callable[[Reply], None], bar: "tqdm[Any]"
) -> None:
    """Answer one request after another until none is left. There are never more tasks than calls in flight."""
    for request in waiting:
        try:
            run.check()
            reply = await _ask(run, request)
            done(reply)
            run.count(reply)
        except (UnansweredError, RefusedError, BudgetError) as error:
            run.failed[request.key] = str(error)
        finally:
            run.begun.set()
        bar.set_postfix_str(run.budget.describe(), refresh=False)
        bar.update()


async def _ask(run: _Run, request: Request) -> Reply:
    """The reply to one request. If it does not fit the schema, the LLM is asked once to correct it."""
    output, chat, completion = await _ask_first(run, request)
    came = [completion]
    text, problem = _check(came[0], request)
    if problem and run.llm.repair and not came[0].final:
        # If the second call gets no answer (no connection, no budget), nothing is stored, so that the next run asks
        # again. If it is refused (it is too long now), the next run would be refused too, so the first reply counts.
        with contextlib.suppress(RefusedError):
            came.append(await _call(run, request, [*chat, *_repair(came[0].text, problem)], output))
            text, problem = _check(came[1], request)
    return Reply(
        key=request.key,
        model=request.model,  # the requested name: some servers answer with the path of a file
        text=text,
        problem=run.hide(problem) if problem else None,
        calls=len(came),
        input_tokens=sum(completion.read for completion in came),
        output_tokens=sum(completion.written for completion in came),
    )


async def _ask_first(run: _Run, request: Request) -> tuple[str, Chat, Completion]:
    """The form in which JSON is requested, the messages, and the answer to them.

    If the server refuses that form, the next one is tried, for this and all later requests.
    """
    while True:
        output = run.output
        chat = _chat(output, request)
        try:
            return output, chat, await _call(run, request, chat, output)
        except RefusedError as error:
            fits = error.for_schema and request.schema is not None
            if not fits or not run.fall_back(output, str(error)):
                raise


def _chat(output: str, request: Request) -> Chat:
    chat = [{"role": message.role, "content": message.content} for message in request.messages]
    chat[-1]["content"] += structured.instruction(output, request.schema)
    return chat


def _check(completion: Completion, request: Request) -> tuple[str, str | None]:
    """The text to keep, and why it cannot be used. JSON that is whole can, even if its reply reached its limit."""
    if request.schema is None:
        return completion.text, completion.problem or structured.find_problem(completion.text, None)
    text = structured.unwrap(completion.text, request.schema, request.texts)
    problem = structured.find_problem(text, request.schema)
    return text, None if problem is None and not completion.final else completion.problem or problem


def _repair(text: str, problem: str) -> Chat:
    # The reason may quote the reply, which may repeat what a stranger wrote for the reader of this message.
    wish = f"That reply cannot be used. The reason:\n{prompting.fence(problem, 'reason')}\n"
    wish += "Write the reply again, mended, and no longer than needed."
    return [{"role": "assistant", "content": text or "(nothing)"}, {"role": "user", "content": wish}]


def _size(llm: LLM, request: Request, chat: Chat) -> Size:
    texts = [message["content"] for message in chat]
    if request.schema is not None:
        texts.append(json.dumps(request.schema))  # many servers put it in the prompt
    options = request.options
    limit = options.get("max_completion_tokens") or options.get("max_tokens") or llm.max_tokens
    return budgets.size(texts, int(limit))


async def _call(run: _Run, request: Request, chat: Chat, output: str) -> Completion:
    """The endpoint's answer to these messages, after at most `max_tries` tries.

    Raises:
        UnansweredError, RefusedError, BudgetError: no answer came, the server refused, or the budget is spent.
    """
    llm, size = run.llm, _size(run.llm, request, chat)
    for tries in range(1, llm.max_tries + 1):
        run.check()
        try:
            return await _try(run, request, chat, output, size)
        except AccessError as error:
            if (
                error.status == 403 and run.answered
            ):  # the token is good, so it is about what this request says
                raise RefusedError(run.hide(error)) from None
            remedy = REMEDIES.get(error.status, MOVED)
            run.error = run.error or LecternError(
                f"{run.hide(error)}. {remedy} {run.what}.base_url is {run.url}, {run.what}.model is "
                f"{request.model}, {run.what}.api_key is {llm.api_key or 'null (none is sent)'}: correct the one that "
                f"is wrong, or the variable's value, and run `dvc repro` again. Earlier replies are kept."
            )
            run.stop(str(run.error))
        except RefusedError as error:
            reason = run.hide(error)
            run.down, run.refused = 0, run.refused + (not error.for_schema)
            if run.refused >= REFUSED_AFTER:
                run.stop(f"{reason} ({run.refused} requests in a row got this answer, so no more were sent)")
            raise RefusedError(reason, for_schema=error.for_schema) from None
        except TryError as error:
            reason = f"{run.hide(error)} (tried {tries} times)"
            if error.wait and error.wait > llm.max_wait:
                asked = f"it asks to wait {error.wait:,.0f} s, and {run.what}.max_wait is {llm.max_wait:g}"
                run.stop(f"{run.hide(error)}; {asked}")
            elif tries < llm.max_tries:
                if error.wait and error.for_all:
                    run.pace.hold(error.wait)
                await run.sleep((error.wait or 0) + backoff(tries, llm.backoff, random.random()))
    run.check()
    run.down += 1
    if run.down >= DOWN_AFTER:
        run.stop(
            f"{run.url} answers nothing: {reason}. {run.down} requests in a row failed, so no more were sent. "
            f"Start the server, or correct {run.what}.base_url"
        )
    raise UnansweredError(reason)


async def _try(run: _Run, request: Request, chat: Chat, output: str, size: Size) -> Completion:
    """Make one call within the rate limits and the budget."""
    await run.budget.reserve(size)
    made, read, written = False, 0, 0
    try:
        await run.pace.wait(size.likely)
        run.check()  # the waits above may have been long
        made, read, written = True, size.most_read, size.most_written  # until more is known
        completion = await completions.send(
            run.client, request.model, chat, _options(output, request), run.llm.timeout
        )
        completion = dataclasses.replace(completion, text=run.mask(completion.text))
        run.down, run.refused, run.answered = 0, 0, True
        if completion.read or completion.written:
            read, written = completion.read, completion.written
        return completion
    except (TryError, RefusedError, AccessError) as error:
        if not (isinstance(error, TryError) and error.paid):
            read, written = 0, 0
        raise
    finally:
        if made:
            run.pace.settle(size.likely, read + written)
        await run.budget.settle(size, read, written, made=made)


def _options(output: str, request: Request) -> Mapping[str, Any]:
    wanted = structured.response_format(output, request.schema)
    return dict(request.options) | ({"response_format": wanted} if wanted else {})
