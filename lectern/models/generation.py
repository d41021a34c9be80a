"""Generate a model's answers to prompts, and measure the likelihood of the true answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lectern.models import likelihood
from lectern.models.batching import by_length
from lectern.models.sampling import Draw, make_sampler
from lectern.settings.decoding import Decoding


@dataclass(frozen=True)
class AnswerOptions:
    """How an answer is written."""

    max_new_tokens: int
    """limit of an answer in tokens"""
    decoding: Decoding
    """how tokens are chosen"""
    seed: int
    """seed of the sampling"""

    @property
    def decides(self) -> dict[str, float]:
        """The fields that affect an answer; without sampling, neither the seed nor the options of sampling do."""
        seed = {"seed": self.seed} if self.decoding.temperature else {}
        return {"max_new_tokens": self.max_new_tokens, **self.decoding.changes, **seed}

    def draw(self, key: str) -> Draw:
        """Return the random draw for the row with this key, which does not depend on other rows."""
        return Draw(f"{self.seed}/{key}", self.decoding)


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
    model: Any, rows: Sequence[Row], tokenizer: Any, *, stop: set[int], options: AnswerOptions
) -> list[RowResult]:
    """Generate the answer to each row, and measure the likelihood of its reference, all as one batch.

    Args:
        model: a causal language model.
        rows: prompts in the tokens of the model.
        tokenizer: of the model.
        stop: tokens that end an answer.
        options: how the answers are written.
    """
    pad, together = tokenizer.pad_token_id, max(len(rows), 1)
    said = answer(
        model,
        [row.prompt for row in rows],
        max_new_tokens=options.max_new_tokens,
        stop=stop,
        pad=pad,
        batch_size=together,
        draws=[options.draw(row.key) for row in rows],
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
    """Generate an answer to each prompt, by the most likely token each time or as its draw says.

    Prompts of similar length are computed together, padded on the left and masked. Batching changes the last bits of
    float32 sums. If two tokens are equally likely at that precision, an answer may depend on the others in its batch.

    Args:
        model: a causal language model.
        prompts: tokens up to where the answer begins.
        max_new_tokens: limit of an answer.
        stop: tokens that end an answer.
        pad: any token.
        batch_size: number of prompts that are computed together.
        draws: how the tokens of each prompt's answer are chosen; None takes the most likely one each time.
    """
    import torch
    from transformers import GenerationConfig, LogitsProcessorList

    greedy = GenerationConfig(
        do_sample=False,
        num_beams=1,
        repetition_penalty=1.0,  # ours is in the sampler, and does not count the prompt
        no_repeat_ngram_size=0,
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
        own = [draws[row] for row in batch] if draws is not None else []
        sampler = [make_sampler(own, longest)] if any(draw.decoding.changes for draw in own) else []
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
