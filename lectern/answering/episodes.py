"""Generate whole episodes: a model speaks both roles in turn, from an opening until the conversation ends.

The guest's turn is the model's answer. The host's turn is generated in the user's role (`turns`) or, with exchanged
roles, as an answer too. Each prompt holds as much of the conversation as fits into the context: always the system
message and the opening, and then the latest exchanges.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import regex

from lectern.answering import turns
from lectern.answering.openings import Start
from lectern.answering.turns import Format, Side
from lectern.core.errors import LecternError
from lectern.core.schema import Episode, EpisodeTurn, Message
from lectern.models import generation
from lectern.models.sampling import Draw
from lectern.settings.base_model import BaseModelSettings
from lectern.settings.episodes import EpisodeSettings
from lectern.text.words import normalise

Speaker = Literal["host", "guest"]
ENDING_WORDS = 20
"""A closing is searched in so many words at the end of a turn."""
LONGEST_WORD = 50
"""Words are cut to so many characters for this, so that the text that a pattern searches is short."""
CLOSING_SECONDS = 5.0
"""A pattern that takes longer on so short a text counts as endless."""
TURNS_IN_CONTEXT = 4
"""Beside the opening there must be room for so many turns of the greatest length: two exchanges."""


@dataclass(frozen=True)
class StartedEpisode:
    """The beginning of an episode for one model."""

    start: Start
    guest: Sequence[Message]
    """system messages and opening, as the model sees them when it speaks for the guest"""
    host: Sequence[Message]
    """the same messages, as the model sees them when it speaks for the host"""


@dataclass
class Draft:
    """An episode that is being generated."""

    begun: StartedEpisode
    turns: list[EpisodeTurn]
    said: list[str] = field(default_factory=list)
    """texts of the turns after the opening, without stray tags"""
    ended: Literal["closing", "turns", "empty"] = "turns"


def begin(start: Start, form: Format, settings: EpisodeSettings) -> StartedEpisode:
    """What each speaker is given before the first turn.

    Raises:
        LecternError: opening and biography leave no room for a conversation or hold a control token of the model, or
            the persona does not fit.
    """
    opening, biography = start.opening.opening, start.opening.biography
    texts = [opening, biography or "", *(message.content for message in start.systems)]
    if found := next(filter(None, map(form.tags.search, texts)), None):
        raise LecternError(
            f"{start.where}: {found[0]!r} is a tag of the chat template. Take it out of the text."
        )
    about = [Message(role="system", content=biography)] if biography else []
    asked = form.shape.introduce([*start.systems, Message(role="user", content=opening)], start.provenance)
    guest = [*asked[:-1], *about, asked[-1]]
    host = guest
    if settings.host == "swap":
        brief = Message(role="user", content=settings.host_persona)
        host = [*about, brief, Message(role="assistant", content=opening)]
    asked_first = [*host, _message(0, "?", settings, "host")]
    lengths = [len(form.prompt(guest, "assistant")), len(form.prompt(asked_first, side_of("host", settings)))]
    _check_room(start, max(lengths), form, settings)
    return StartedEpisode(start, guest, host)


def _check_room(start: Start, tokens: int, form: Format, settings: EpisodeSettings) -> None:
    room = max(form.context_length - TURNS_IN_CONTEXT * settings.max_turn_tokens, 0)
    if tokens > room:
        raise LecternError(
            f"{start.where}: opening, biography and persona take {tokens} tokens, and there is room for {room}: the "
            f"model can read {form.context_length}, of which {TURNS_IN_CONTEXT} turns of {settings.max_turn_tokens} "
            "(episodes.max_turn_tokens) are kept free. Shorten the biography, or lower episodes.max_turn_tokens."
        )


def side_of(role: Speaker, settings: EpisodeSettings) -> Side:
    """Return the role of the chat template in which a turn is generated."""
    return "user" if role == "host" and settings.host == "continue" else "assistant"


def write(
    model: Any,
    tokenizer: Any,
    base: BaseModelSettings,
    begun: Sequence[StartedEpisode],
    form: Format,
    settings: EpisodeSettings,
) -> list[Episode]:
    """Generate the episodes to their ends, all together, turn by turn.

    Args:
        model: a causal language model.
        tokenizer: of the model.
        base: what it is, or goes on.
        begun: as `begin` makes them.
        form: how its turns are written.
        settings: how they are written.
    """
    ends = generation.stop_tokens(model, tokenizer, base.end_of_turn)
    drafts = [Draft(one, [_opening(one.start)]) for one in begun]
    waiting = drafts
    for number in range(1, settings.turns):
        if not waiting:
            break
        role: Speaker = "guest" if number % 2 else "host"
        side = side_of(role, settings)
        answers = generation.answer(
            model,
            [_fit(draft, role, side, form, settings) for draft in waiting],
            max_new_tokens=settings.max_turn_tokens,
            stop=form.stop(side, ends),
            pad=tokenizer.pad_token_id,
            batch_size=len(waiting),
            draws=[
                Draw(f"{settings.seed}/{draft.begun.start.id}/{number}", settings.decoding)
                for draft in waiting
            ],
        )
        for draft, answer in zip(waiting, answers, strict=True):
            _add(draft, role, form.read(answer.tokens, answer.finished, side), settings)
        waiting = [draft for draft in waiting if draft.ended == "turns"]
    return [_finish(draft) for draft in drafts]


def _opening(start: Start) -> EpisodeTurn:
    return EpisodeTurn(role="host", text=start.opening.opening, finished=True)


def _add(draft: Draft, role: Speaker, turn: turns.Turn, settings: EpisodeSettings) -> None:
    if turn.text:
        draft.turns.append(EpisodeTurn(role=role, text=turn.text, finished=turn.finished))
    if not normalise(turn.said):
        draft.ended = "empty"
        return
    draft.said.append(turn.said)
    if is_closing(turn.said, settings.closings):
        draft.ended = "closing"


def _finish(draft: Draft) -> Episode:
    opening = draft.begun.start.opening
    return Episode(
        id=draft.begun.start.id,
        opening=opening.opening,
        guest=opening.guest,
        biography=opening.biography,
        turns=draft.turns,
        ended=draft.ended,
    )


def is_closing(text: str, closings: Sequence[str]) -> bool:
    """Tell whether the last words of a turn, in lower case without punctuation, match a pattern.

    Raises:
        LecternError: a pattern takes longer than CLOSING_SECONDS.
    """
    words = normalise(text[-ENDING_WORDS * LONGEST_WORD :]).split()[-ENDING_WORDS:]
    ending = " ".join(word[:LONGEST_WORD] for word in words)
    for closing in closings:
        try:
            if regex.search(closing, ending, regex.IGNORECASE, timeout=CLOSING_SECONDS):
                return True
        except TimeoutError as error:
            raise LecternError(
                f"episodes.closings: {closing!r} takes more than {CLOSING_SECONDS:g} s on {ending!r}. Write it without "
                "a repetition inside a repetition."
            ) from error
    return False


def _fit(draft: Draft, role: Speaker, side: Side, form: Format, settings: EpisodeSettings) -> list[int]:
    """Return the prompt of the next turn, with as much of the conversation as leaves room for the turn."""
    begins = draft.begun.host if role == "host" else draft.begun.guest
    rest = [_message(number, said, settings, role) for number, said in enumerate(draft.said)]
    room = form.context_length - settings.max_turn_tokens

    def encode(messages: Sequence[Message]) -> list[int]:
        return form.prompt([*begins, *messages], side)

    whole = encode(rest)
    if len(whole) <= room:
        return whole
    tries = [rest[at:] for at in range(2, len(rest), 2)]  # whole exchanges, so that the roles still alternate
    at = bisect_left(tries, True, key=lambda messages: len(encode(messages)) <= room)
    if at < len(tries):
        return encode(tries[at])
    return _shorten((tries or [rest])[-1], encode, room)


def _shorten(
    rest: Sequence[Message], encode: Callable[[Sequence[Message]], list[int]], room: int
) -> list[int]:
    """Halve the turns of the last exchange, keeping their ends, until they fit.

    This is needed for turns whose bytes are not valid text, which take more tokens when they are tokenized again.
    """
    while len(tokens := encode(rest)) > room and any(len(one.content) > 1 for one in rest):
        rest = [Message(role=one.role, content=one.content[len(one.content) // 2 :].strip()) for one in rest]
    return tokens


def _message(number: int, said: str, settings: EpisodeSettings, speaker: Speaker) -> Message:
    """Make the message of a turn after the opening, as the next speaker sees it."""
    of_guest = number % 2 == 0
    swapped = settings.host == "swap" and speaker == "host"
    return Message(role="assistant" if of_guest != swapped else "user", content=said)
