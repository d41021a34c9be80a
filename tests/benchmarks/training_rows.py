"""Rows for the training benchmark: text that the repository holds, in pieces as long as questions and answers are.

The text is written for this project (the demo's talks, the sample documents, the pages of the test's web site, the
pairs of paraphrases.txt) and cut without regard to what it says, so a "question" asks nothing; no piece stands in two
rows. The lengths are those of real speech: 297 pairs of turns (a question of the host of 3 to 120 words, an answer of
the guest of 5 to 500, which are this pipeline's own limits) in 12 transcribed episodes of a podcast that is not part of
the repository.
"""

import bisect
import random
from collections import deque
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from lectern.core.schema import Message, Provenance, TokenRow, example_id
from lectern.models import chat_format

ROOT = Path(__file__).parents[2]
MAX_LENGTH = 512
"""tokens: `render.max_length` of the pipeline"""
SHARES = (0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
QUESTION_WORDS = (3, 5, 7, 12, 16, 24, 34, 46, 58, 72, 92, 106, 118)
"""quantiles at SHARES"""
ANSWER_WORDS = (5, 10, 14, 25, 43, 72, 99, 139, 187, 238, 296, 357, 431)
"""quantiles at SHARES"""


def make_rows(kind: str, count: int, tokenizer: Any, template: str) -> list[TokenRow]:
    """The same rows at each call.

    Args:
        kind: `qa`, one question and its answer a row; `dialogue`, as many turns as fit.
        count: of rows.
        tokenizer: of the base model.
        template: with generation marks.

    Returns: rows of at most MAX_LENGTH tokens.
    """
    chance, words = random.Random(0), read_words()
    make = {"qa": _make_pair, "dialogue": _make_dialogue}[kind]
    rows = []
    for number in range(count):
        messages, encoded = make(words, chance, tokenizer, template)
        name = example_id(messages)
        rows.append(
            TokenRow(
                id=name,
                example=name,
                input_ids=encoded.input_ids,
                assistant_masks=[1 if trained else 0 for trained in encoded.assistant_mask],
                provenance=Provenance(item=f"{kind}-{number:03}", method="benchmark"),
            )
        )
    return rows


def read_words() -> deque[str]:
    """The words of the text, each once."""
    talks = OmegaConf.to_container(OmegaConf.load(ROOT / "data/sources/demo/script.yaml"))["talks"]
    documents = OmegaConf.to_container(OmegaConf.load(ROOT / "data/sources/documents/script.yaml"))
    texts = [said for talk in talks for turn in talk["turns"] for said in turn.values()]
    texts += [made.get("text", "") for made in documents["documents"] if made["language"] == "en"]
    texts += [(ROOT / "tests/support/site/pages.md").read_text(encoding="utf-8")]
    texts += [Path(__file__).with_name("paraphrases.txt").read_text(encoding="utf-8")]
    return deque(word for text in texts for word in text.split() if any(map(str.isalnum, word)))


def draw(quantiles: tuple[int, ...], chance: random.Random) -> int:
    """A number of words, between the quantiles on a straight line."""
    share = chance.random() * SHARES[-1]
    at = min(bisect.bisect_right(SHARES, share), len(SHARES) - 1)
    part = (share - SHARES[at - 1]) / (SHARES[at] - SHARES[at - 1])
    return round(quantiles[at - 1] + part * (quantiles[at] - quantiles[at - 1]))


def _take(words: deque[str], count: int) -> str:
    if len(words) < count:
        raise SystemExit("the repository's text is used up: ask for fewer rows")
    return " ".join(words.popleft() for _ in range(count))


def _make_turns(words: deque[str], chance: random.Random) -> list[Message]:
    asked, answered = draw(QUESTION_WORDS, chance), draw(ANSWER_WORDS, chance)
    return [
        Message(role="user", content=_take(words, asked)),
        Message(role="assistant", content=_take(words, answered)),
    ]


def _encode(tokenizer: Any, messages: list[Message], template: str) -> chat_format.Encoded:
    [encoded] = chat_format.encode(tokenizer, [messages], template)
    return encoded


def _make_pair(
    words: deque[str], chance: random.Random, tokenizer: Any, template: str
) -> tuple[list[Message], chat_format.Encoded]:
    """A question and its answer, which loses its end when it is too long."""
    question, answer = _make_turns(words, chance)
    while len((encoded := _encode(tokenizer, [question, answer], template)).input_ids) > MAX_LENGTH:
        kept = answer.content.split()[: -max(1, (len(encoded.input_ids) - MAX_LENGTH) // 2)]
        answer = Message(role="assistant", content=" ".join(kept))
    return [question, answer], encoded


def _make_dialogue(
    words: deque[str], chance: random.Random, tokenizer: Any, template: str
) -> tuple[list[Message], chat_format.Encoded]:
    """Pairs until the next would not fit."""
    messages, encoded = _make_pair(words, chance, tokenizer, template)
    while True:
        turns = _make_turns(words, chance)
        more = _encode(tokenizer, [*messages, *turns], template)
        if len(more.input_ids) > MAX_LENGTH:
            unused = [word for turn in turns for word in turn.content.split()]
            words.extendleft(reversed(unused))
            return messages, encoded
        messages, encoded = [*messages, *turns], more
