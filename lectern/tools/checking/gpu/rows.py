"""Rows to train on: the talks of the demo as dialogues and the passages of general text as answers, really rendered."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from lectern.core import io
from lectern.core.errors import LecternError
from lectern.core.schema import Example, Message, Provenance, TokenRow
from lectern.settings.base_model import BaseModelSettings
from lectern.training import preflight, rendering

TALKS = Path("data/sources/demo/script.yaml")
PASSAGES = Path("data/general/passages.jsonl")
LONGEST = 512
"""Tokens of a row: the default of `render.max_length`."""


def list_dialogues() -> list[Example]:
    """The dialogues of all talks, then a question and an answer for each passage: rows of 200 to 400 tokens."""
    found = [_make(turns, item) for item, turns in _read_talks()]
    for line in PASSAGES.read_text(encoding="utf-8").splitlines():
        passage = io.parse_json(line)
        asked = Message(role="user", content=f"What stands in {passage['source']}?")
        found.append(_make([asked, Message(role="assistant", content=passage["text"])], passage["id"]))
    return found


def list_pairs() -> list[Example]:
    """Each question of the talks with its answer: rows of about 100 tokens, which a CPU trains in no time."""
    return [
        _make(turns[at : at + 2], item) for item, turns in _read_talks() for at in range(0, len(turns) - 1, 2)
    ]


def _read_talks() -> list[tuple[str, list[Message]]]:
    """Name and turns of each talk; what is said before the first question and after the last answer is left out."""
    talks: Any = OmegaConf.to_container(OmegaConf.load(TALKS))
    found = []
    for talk in talks["talks"]:
        turns = [(key, text) for turn in talk["turns"] for key, text in turn.items() if key[1:].isdigit()]
        roles: list[Any] = ["user" if key[0] == "q" else "assistant" for key, _ in turns]
        messages = [Message(role=role, content=text) for role, (_, text) in zip(roles, turns, strict=True)]
        found.append((talk["item"], messages))
    return found


def _make(messages: list[Message], item: str) -> Example:
    return Example.of(messages, Provenance(item=item, method="check"))


def render(base: BaseModelSettings, vocabulary: int, examples: Sequence[Example]) -> list[TokenRow]:
    """Render examples as the stage `render` does, and check the rows as it does.

    Args:
        base: the model, for its tokenizer and templates.
        vocabulary: number of tokens that the model knows; see `fold`.
        examples: what is rendered.

    Raises:
        LecternError: the preflight found a fault.
    """
    from lectern.models import chat_format, loading

    tokenizer = loading.get_tokenizer(base)
    template = chat_format.training_template(tokenizer, base.chat_template)
    part = rendering.render(examples, tokenizer, template, LONGEST)
    faults = preflight.find_faults(part, tokenizer, base.end_of_turn, LONGEST)
    if broken := {name: ids for name, ids in faults.items() if ids}:
        raise LecternError(f"the preflight found faults: {broken}")
    return [fold(row, vocabulary) for row in part.rows]


def fold(row: TokenRow, vocabulary: int) -> TokenRow:
    """The row with tokens that a model of a smaller vocabulary knows: those above its end are moved below it.

    Lengths and masks stay, which is all that speed and memory depend on. Control tokens, the first of the bundled
    tokenizer, stay too. (Mistral's vocabulary has 32,768 tokens, that of the bundled tokenizer 49,152.)
    """
    if max(row.input_ids) < vocabulary:
        return row
    ids = [
        token if token < vocabulary else vocabulary // 2 + token % (vocabulary // 2)
        for token in row.input_ids
    ]
    return row.model_copy(update={"input_ids": ids})


def find_prompts(rows: list[TokenRow], count: int) -> list[list[int]]:
    """The tokens of `count` rows up to where their first answer begins."""
    return [row.input_ids[: row.assistant_masks.index(1)] for row in rows[:count]]
