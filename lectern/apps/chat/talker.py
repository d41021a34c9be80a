"""The base and the tuned model, loaded once for all browser tabs; they answer one request after the other."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock
from typing import Any

from lectern.answering import contestants, episodes, questions, turns
from lectern.answering.openings import Opening, Start
from lectern.answering.questions import Ask
from lectern.apps.chat.watched import StoppedError, Watched
from lectern.core import io, params
from lectern.core.errors import LecternError
from lectern.core.schema import BASE, TUNED, Episode, Message, Provenance
from lectern.models import chat_format, devices, generation, loading, thinking
from lectern.models.generation import AnswerOptions
from lectern.settings.base_model import BaseModelSettings
from lectern.settings.render import Render
from lectern.training import adapters

CHAT = "chat"
"""Name of the source in the provenance of a chat."""
TURN = 0.1
"""Seconds after which a request that waits for the model looks whether it was stopped."""
LONGEST_QUESTION = 100_000
"""Greatest number of characters of a question, which is more than any context holds."""


@dataclass(frozen=True)
class Reply:
    """The answer of a model."""

    text: str
    finished: bool
    """whether the model itself ended its turn; else the limit or the user did"""
    shortened: bool
    """whether the oldest turns were left out because the context is full"""
    note: str = ""
    """what else the user must know of it"""


class Talker:
    """Answers questions with the models and the code of the pipeline."""

    def __init__(self, root: Path) -> None:
        self.base = params.load("base_model", BaseModelSettings, root / "params.yaml")
        self.persona = params.load("render", Render, root / "params.yaml").persona
        self._adapter = root / contestants.ADAPTER
        self._busy = Lock()
        self._loading = Lock()
        self._models: dict[str, Any] = {}
        self._tokenizer: Any = None

    @property
    def names(self) -> list[str]:
        """The models that can answer; the tuned one only if it was trained."""
        return [BASE, TUNED] if (self._adapter / adapters.RECORD).is_file() else [BASE]

    @property
    def loaded(self) -> bool:
        """Whether the models are in memory."""
        return bool(self._models)

    def load(self) -> None:
        """Load the models, if they are not in memory yet.

        Raises:
            LecternError: a model cannot be loaded, or the adapter was made for another base model.
        """
        with self._loading:
            if self._models:
                return
            self._tokenizer = loading.get_tokenizer(self.base)
            if TUNED not in self.names:
                self._models = {BASE: loading.get_model(self.base)}
                return
            record = adapters.read_record(self.base, self._adapter)
            tuned = adapters.load(self.base, self._adapter)
            own = tuned
            if record.method == "full":
                own = loading.get_model(self.base, dtype=devices.DTYPES[record.precision])
            self._models = {BASE: own, TUNED: tuned}

    @property
    def adapter(self) -> str | None:
        """The first 16 hex digits of the sha256 of the adapter's weights; None if there are none."""
        files = adapters.files(self._adapter)
        return io.sha256(files[-1])[:16] if len(files) == 2 else None

    @property
    def plain_persona(self) -> str:
        """The persona of the training if it is the same for all rows; empty if it is a template or there is none."""
        return "" if "{" in (self.persona or "") else self.persona or ""

    def answer(
        self,
        name: str,
        messages: Sequence[Message],
        options: AnswerOptions,
        on_text: Callable[[str], None],
        stop: Event,
    ) -> Reply:
        """Generate the next answer of a conversation, and report the text while it is written.

        Args:
            name: base or tuned.
            messages: the conversation, which ends with a user's message; a persona is a system message.
            options: how the answer is written.
            on_text: called after each token with the text so far.
            stop: set to end the answer.

        Raises:
            LecternError: the models cannot be loaded, the question is too long, or the chat template refuses it.
        """
        self.load()
        text = ""

        def tell(tokens: list[int]) -> None:
            nonlocal text
            text = self._read(tokens)
            on_text(text)

        try:
            with self._using(name, stop) as model:
                prepared = self._prepare(messages, options)
                [made] = generation.answer(
                    Watched(model, tell, stop),
                    [prepared.rows[0].prompt],
                    max_new_tokens=options.max_new_tokens,
                    stop=generation.stop_tokens(model, self._tokenizer, self.base.end_of_turn),
                    pad=self._tokenizer.pad_token_id,
                    batch_size=1,
                    draws=[options.draw(CHAT)],
                )
        except StoppedError:
            return Reply("", False, False)
        return Reply(self._read(made.tokens), made.finished, bool(prepared.shortened))

    def _read(self, tokens: Sequence[int]) -> str:
        """Return the text of an answer; while the model still thinks, there is none."""
        return thinking.drop(self._tokenizer.decode(tokens, skip_special_tokens=True).strip())

    def _prepare(self, messages: Sequence[Message], options: AnswerOptions) -> questions.Prepared:
        if len(messages[-1].content) > LONGEST_QUESTION:
            raise LecternError(
                f"the question has {len(messages[-1].content):,} characters; shorten it to {LONGEST_QUESTION:,}"
            )
        ask = Ask(CHAT, "now", list(messages), None, Provenance(item=CHAT, method=CHAT))
        prepared = questions.prepare(
            [ask],
            self._tokenizer,
            chat_format.training_template(self._tokenizer, self.base.chat_template),
            context_length=self.base.context_length,
            max_new_tokens=options.max_new_tokens,
        )
        if not prepared.rows:
            raise LecternError(
                f"{next(iter(prepared.skipped))}: the model can read {self.base.context_length:,} tokens, of which "
                f"{options.max_new_tokens:,} are kept free for the answer. Shorten the question, or lower the token "
                "limit."
            )
        return prepared

    def write_episode(
        self,
        name: str,
        opening: Opening,
        settings: episodes.EpisodeSettings,
        on_text: Callable[[int, str], None],
        stop: Event,
    ) -> Episode | None:
        """Generate an episode from an opening, as the stage `episodes` does; None if it was stopped.

        Args:
            name: base or tuned.
            opening: the host's first turn, and who the guest is.
            settings: how it is written.
            on_text: given the number of a turn, counted from 1 after the opening, and its text so far.
            stop: set to end it where it is.

        Raises:
            LecternError: the opening leaves no room for a conversation, or holds a control token.
        """
        self.load()
        form = turns.get_format(self.base, self._tokenizer, self.persona)
        start = Start(opening, (), Provenance(item=CHAT, method="opening"), "the opening")
        begun = episodes.begin(start, form, settings)
        number, last = 1, 0

        def tell(tokens: list[int]) -> None:
            nonlocal number, last
            if len(tokens) <= last:
                number += 1
            last = len(tokens)
            on_text(number, self._tokenizer.decode(tokens, skip_special_tokens=True).strip())

        try:
            with self._using(name, stop) as model:
                [made] = episodes.write(
                    Watched(model, tell, stop), self._tokenizer, self.base, [begun], form, settings
                )
        except StoppedError:
            return None
        return made

    @contextmanager
    def _using(self, name: str, stop: Event) -> Iterator[Any]:
        """Yield the model for exclusive use; other requests wait.

        Raises:
            StoppedError: the stop event was set while this request waited.
        """
        while not self._busy.acquire(timeout=TURN):
            if stop.is_set():
                raise StoppedError
        try:
            model = self._models[name]
            shared = name == BASE and model is self._models.get(TUNED)
            with model.disable_adapter() if shared else nullcontext():
                yield model
        finally:
            self._busy.release()
