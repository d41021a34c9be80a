"""Held-out prompts and the tuned model's own greedy answers to them, as a reference for exported forms."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lectern.answering import questions
from lectern.answering.questions import Ask
from lectern.core import io
from lectern.core.schema import Example
from lectern.models import chat_format, generation, loading
from lectern.publishing.fidelity import Asked
from lectern.settings.base_model import BaseModelSettings
from lectern.training import persona


def collect(
    model: Any, base: BaseModelSettings, persona_text: str | None, test: Path, *, most: int, new_tokens: int
) -> list[Asked]:
    """The first `most` held-out prompts by id that fit the context, and the model's answers to them.

    Args:
        model: the tuned model, or the merged one.
        base: section `base_model`.
        persona_text: `render.persona`.
        test: data/splits/test.jsonl.
        most: how many prompts.
        new_tokens: most tokens of an answer.

    Raises:
        LecternError: there are no held-out rows.
    """
    tokenizer = loading.get_tokenizer(base)
    template = chat_format.training_template(tokenizer, base.chat_template)
    asks = [Ask.of(example) for example in sorted(io.read_jsonl(test, Example), key=lambda row: row.id)]
    shape = persona.shape(tokenizer, template, persona_text)
    found: list[tuple[Ask, list[int]]] = []
    for ask in asks:
        prepared = questions.prepare(
            [ask],
            tokenizer,
            template,
            context_length=base.context_length,
            max_new_tokens=new_tokens,
            persona_text=persona_text,
        )
        if prepared.rows and not prepared.shortened:
            found.append((ask, prepared.rows[0].prompt))
    chosen = found[:most]
    stop = generation.stop_tokens(model, tokenizer, base.end_of_turn)
    answers = _answer(model, [prompt for _, prompt in chosen], stop, tokenizer.pad_token_id, new_tokens)
    return [
        Asked(shape.place(shape.introduce(ask.messages, ask.provenance)), prompt, answer, frozenset(stop))
        for (ask, prompt), answer in zip(chosen, answers, strict=True)
    ]


def _answer(
    model: Any, asked: Sequence[Sequence[int]], stop: set[int], pad: int, new_tokens: int
) -> list[list[int]]:
    said = generation.answer(model, asked, max_new_tokens=new_tokens, stop=stop, pad=pad, batch_size=1)
    return [one.tokens + ([min(stop)] if one.finished else []) for one in said]
