"""Answers of a model to given prompts, and how likely it finds the true ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lectern.models import likelihood
from lectern.models.batching import by_length
from lectern.models.sampling import Draw, make_sampler


@dataclass(frozen=True)
class Decoding:
    """How tokens are chosen."""

    max_new_tokens: int
    """limit of an answer"""
    temperature: float = 0.0
    """0 takes the likeliest token each time"""
    top_p: float = 1.0
    """Draws only from the most likely tokens whose probabilities together reach this value."""
    seed: int = 0
    """of the draws"""

    @property
    def decides(self) -> dict[str, float]:
        """What of it decides an answer."""
        drawn = {"temperature": self.temperature, "top_p": self.top_p, "seed": self.seed}
        return {"max_new_tokens": self.max_new_tokens, **(drawn if self.temperature else {})}

    def draw(self, key: str) -> Draw:
        """The chance by which a row of this key is answered, whatever stands beside it."""
        return Draw(f"{self.seed}/{key}", self.temperature, self.top_p)


@dataclass(frozen=True)
class Row:
    """A prompt in the tokens of one model."""

    key: str
    """what it is known by; decides what it draws"""
    prompt: list[int]
    """as a server would send it, ending where the answer begins"""
    whole: list[int]
    """prompt and reference; nothing where there is none"""
    mask: list[int]
    """of all tokens in `whole`: 1 for the reference and its end of turn"""


@dataclass(frozen=True)
class Answer:
    """What a model said."""

    tokens: list[int]
    """without the one that ends the turn"""
    finished: bool
    """it ended its turn itself, before the limit"""


@dataclass(frozen=True)
class Outcome:
    """What came of one row."""

    prediction: str
    finished: bool
    nll: float | None
    """summed negative log-likelihood of the reference and its end of turn, in nats; none without a reference"""
    tokens: int | None
    """how many tokens `nll` sums over"""


def answer_rows(
    model: Any, rows: Sequence[Row], tokenizer: Any, *, stop: set[int], decoding: Decoding
) -> list[Outcome]:
    """What the model says to each row, and how likely it finds the reference; all are computed as one batch.

    Args:
        model: a causal language model.
        rows: in its tokens.
        tokenizer: of the model.
        stop: tokens that end an answer.
        decoding: how tokens are chosen.
    """
    pad, together = tokenizer.pad_token_id, max(len(rows), 1)
    said = answer(
        model,
        [row.prompt for row in rows],
        max_new_tokens=decoding.max_new_tokens,
        stop=stop,
        pad=pad,
        batch_size=together,
        draws=[decoding.draw(row.key) for row in rows] if decoding.temperature else None,
    )
    known = [number for number, row in enumerate(rows) if row.whole]
    pairs = [(rows[number].whole, rows[number].mask) for number in known]
    scored = likelihood.negative_log_likelihoods(model, pairs, pad=pad, batch_size=together)
    losses = dict(zip(known, scored, strict=True))
    outcomes = []
    for number, one in enumerate(said):
        nll, tokens = losses.get(number, (0.0, 0))
        outcomes.append(
            Outcome(
                tokenizer.decode(one.tokens, skip_special_tokens=True).strip(),
                one.finished,
                round(nll, 4) if tokens else None,  # what batching changes lies below
                tokens or None,
            )
        )
    return outcomes


def stop_tokens(model: Any, tokenizer: Any, end_of_turn: str) -> set[int]:
    """Tokens after which nothing more is said: Llama 3, for one, ends a turn with one and a text with another."""
    ends = model.generation_config.eos_token_id
    named = {tokenizer.convert_tokens_to_ids(end_of_turn), tokenizer.eos_token_id}
    return (named | set(ends if isinstance(ends, list) else [ends])) - {None}


def answer(
    model: Any,
    prompts: Sequence[Sequence[int]],
    *,
    max_new_tokens: int,
    stop: set[int],
    pad: int,
    batch_size: int,
    draws: Sequence[Draw] | None = None,
) -> list[Answer]:
    """The most likely next token, or the one that is drawn, again and again, for each prompt.

    Prompts of similar length are computed together, padded on the left and masked. Batching changes the last bits of
    float32 sums: where two tokens are equally likely to that precision, an answer may depend on its neighbours.

    Args:
        model: a causal language model.
        prompts: tokens, ending where the answer begins.
        max_new_tokens: limit of an answer.
        stop: tokens that end an answer.
        pad: any token.
        batch_size: prompts computed together.
        draws: by which chance each prompt is answered; without them the most likely token is taken.
    """
    import torch
    from transformers import GenerationConfig, LogitsProcessorList

    greedy = GenerationConfig(
        do_sample=False,
        num_beams=1,
        repetition_penalty=1.0,
        max_new_tokens=max_new_tokens,
        eos_token_id=sorted(stop),
        pad_token_id=pad,
    )
    results: dict[int, Answer] = {}
    for batch in by_length([len(prompt) for prompt in prompts], batch_size):
        longest = max(len(prompts[row]) for row in batch)
        ids = torch.full((len(batch), longest), pad, dtype=torch.long)
        attention = torch.zeros_like(ids)
        for place, row in enumerate(batch):
            ids[place, longest - len(prompts[row]) :] = torch.tensor(prompts[row])
            attention[place, longest - len(prompts[row]) :] = 1
        sampler = [make_sampler([draws[row] for row in batch])] if draws is not None else []
        with torch.inference_mode():
            made = model.generate(
                input_ids=ids.to(model.device),
                attention_mask=attention.to(model.device),
                generation_config=greedy,
                logits_processor=LogitsProcessorList(sampler),
            )
        for row, tokens in zip(batch, made[:, longest:].tolist(), strict=True):
            ends = [at for at, token in enumerate(tokens) if token in stop]
            results[row] = Answer(tokens[: ends[0]] if ends else tokens, bool(ends))
    return [results[row] for row in range(len(prompts))]
