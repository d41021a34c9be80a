"""Generate a model's answers to prompts, and measure the likelihood of the true answers."""

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
    """limit of an answer in tokens"""
    temperature: float = 0.0
    """0 always takes the most likely token"""
    top_p: float = 1.0
    """Draws only from the most likely tokens whose probabilities together reach this value."""
    seed: int = 0
    """seed of the sampling"""

    @property
    def decides(self) -> dict[str, float]:
        """The fields that affect an answer; without sampling, only the limit does."""
        drawn = {"temperature": self.temperature, "top_p": self.top_p, "seed": self.seed}
        return {"max_new_tokens": self.max_new_tokens, **(drawn if self.temperature else {})}

    def draw(self, key: str) -> Draw:
        """Return the random draw for the row with this key, which does not depend on other rows."""
        return Draw(f"{self.seed}/{key}", self.temperature, self.top_p)


@dataclass(frozen=True)
class Row:
    """A prompt in the tokens of one model."""

    key: str
    """identifies the row, and seeds its sampling"""
    prompt: list[int]
    """tokens as a server would send them, up to where the answer begins"""
    whole: list[int]
    """tokens of prompt and reference; empty without a reference"""
    mask: list[int]
    """1 for each token of `whole` that belongs to the reference or its end of turn, else 0"""


@dataclass(frozen=True)
class Answer:
    """A generated answer."""

    tokens: list[int]
    """tokens without the one that ends the turn"""
    finished: bool
    """whether the model itself ended its turn, before the limit"""


@dataclass(frozen=True)
class RowResult:
    """The answer to one row, and the likelihood of its reference."""

    prediction: str
    finished: bool
    nll: float | None
    """negative log-likelihood of the reference and its end of turn, summed, in nats; None without a reference"""
    tokens: int | None
    """number of tokens that `nll` sums over"""


def answer_rows(
    model: Any, rows: Sequence[Row], tokenizer: Any, *, stop: set[int], decoding: Decoding
) -> list[RowResult]:
    """Generate the answer to each row, and measure the likelihood of its reference, all as one batch.

    Args:
        model: a causal language model.
        rows: prompts in the tokens of the model.
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
            RowResult(
                tokenizer.decode(one.tokens, skip_special_tokens=True).strip(),
                one.finished,
                round(nll, 4) if tokens else None,  # batching changes only later digits
                tokens or None,
            )
        )
    return outcomes


def stop_tokens(model: Any, tokenizer: Any, end_of_turn: str) -> set[int]:
    """Return all tokens that end an answer. Llama 3, for example, has one for a turn and one for a text."""
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
    """Generate an answer to each prompt, by the most likely token each time or by sampling.

    Prompts of similar length are computed together, padded on the left and masked. Batching changes the last bits of
    float32 sums. If two tokens are equally likely at that precision, an answer may depend on the others in its batch.

    Args:
        model: a causal language model.
        prompts: tokens up to where the answer begins.
        max_new_tokens: limit of an answer.
        stop: tokens that end an answer.
        pad: any token.
        batch_size: number of prompts that are computed together.
        draws: random draw for each prompt; None takes the most likely token each time.
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
