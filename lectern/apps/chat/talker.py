"""The base and the tuned model, loaded once for all tabs, answering one after the other."""

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
from lectern.models import devices, generation, loading, templates
from lectern.models.generation import Decoding
from lectern.settings.base_model import BaseModelSettings
from lectern.settings.render import Render
from lectern.training import adapters

CHAT = "chat"
"""What a conversation's provenance calls its source."""
LONGEST_QUESTION = 100_000
"""Characters: more than any context holds."""


@dataclass(frozen=True)
class Reply:
    """What a model answered."""

    text: str
    finished: bool
    """it ended its turn itself; else the limit or a person did"""
    shortened: bool
    """the oldest turns were left out, since the context is full"""


class Talker:
    """Answers questions with the models of the pipeline, by the code that the pipeline answers with."""

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
        """Who can answer: the tuned model only where there is one."""
        return [BASE, TUNED] if (self._adapter / adapters.RECORD).is_file() else [BASE]

    @property
    def loaded(self) -> bool:
        """The models are in memory."""
        return bool(self._models)

    def load(self) -> None:
        """Bring the models into memory; nothing where they are.

        Raises:
            LecternError: a model cannot be had, or the adapter was made for another one.
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
        """Which weights the tuned model has: the first 16 hex digits of their sha256; None where there are none."""
        files = adapters.files(self._adapter)
        return io.sha256(files[-1])[:16] if len(files) == 2 else None

    @property
    def plain_persona(self) -> str:
        """The persona of the training where it says the same to all rows; empty where it is a template or none."""
        return "" if "{" in (self.persona or "") else self.persona or ""

    def answer(
        self,
        name: str,
        messages: Sequence[Message],
        decoding: Decoding,
        on_text: Callable[[str], None],
        stop: Event,
    ) -> Reply:
        """The next answer to a conversation, told as it is written.

        Args:
            name: base or tuned.
            messages: that end with the user's; with a system message where there is a persona.
            decoding: how tokens are chosen.
            on_text: given the text so far after each token.
            stop: set to end the answer where it is.

        Raises:
            LecternError: the models cannot be loaded, the question is too long, or the template does not take it.
        """
        self.load()
        text = ""

        def tell(tokens: list[int]) -> None:
            nonlocal text
            text = self._tokenizer.decode(tokens, skip_special_tokens=True).strip()
            on_text(text)

        with self._using(name) as model:
            prepared = self._prepare(messages, decoding)
            try:
                [made] = generation.answer(
                    Watched(model, tell, stop),
                    [prepared.rows[0].prompt],
                    max_new_tokens=decoding.max_new_tokens,
                    stop=generation.stop_tokens(model, self._tokenizer, self.base.end_of_turn),
                    pad=self._tokenizer.pad_token_id,
                    batch_size=1,
                    draws=[decoding.draw(CHAT)] if decoding.temperature else None,
                )
            except StoppedError:
                return Reply("", False, False)
        said = self._tokenizer.decode(made.tokens, skip_special_tokens=True).strip()
        return Reply(said, made.finished, bool(prepared.shortened))

    def _prepare(self, messages: Sequence[Message], decoding: Decoding) -> questions.Prepared:
        if len(messages[-1].content) > LONGEST_QUESTION:
            raise LecternError(f"the question has {len(messages[-1].content):,} characters; shorten it")
        ask = Ask(CHAT, "now", list(messages), None, Provenance(item=CHAT, method=CHAT))
        prepared = questions.prepare(
            [ask],
            self._tokenizer,
            templates.training_template(self._tokenizer, self.base.chat_template),
            context_length=self.base.context_length,
            max_new_tokens=decoding.max_new_tokens,
        )
        if not prepared.rows:
            raise LecternError(
                f"{next(iter(prepared.skipped))}: the model reads {self.base.context_length:,} tokens, of which "
                f"{decoding.max_new_tokens:,} are kept for the answer. Shorten the question, or lower the limit."
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
        """An episode from an opening, as the stage `episodes` writes it; None where it was stopped.

        Args:
            name: base or tuned.
            opening: the host's first turn, and who the guest is.
            settings: how it is written.
            on_text: given the number of a turn, counted from 1 after the opening, and its text so far.
            stop: set to end it where it is.

        Raises:
            LecternError: the opening leaves no room, or holds a control token.
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

        with self._using(name) as model:
            try:
                [made] = episodes.write(
                    Watched(model, tell, stop), self._tokenizer, self.base, [begun], form, settings
                )
            except StoppedError:
                return None
        return made

    @contextmanager
    def _using(self, name: str) -> Iterator[Any]:
        """The model, while nobody else uses it: others wait."""
        with self._busy:
            model = self._models[name]
            shared = name == BASE and model is self._models.get(TUNED)
            with model.disable_adapter() if shared else nullcontext():
                yield model
