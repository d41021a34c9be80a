"""Generate a model's answers to prompts, and measure the likelihood of the true answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lectern.models import likelihood, prefill
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
    pad = tokenizer.pad_token_id
    if not rows:
        return []
    prompts = prefill.read(model, prefill.stack([row.prompt for row in rows], pad, model.device))
    losses = _score_references(model, prompts, rows, pad)
    said = _write(model, prompts, options.max_new_tokens, stop, pad, [options.draw(row.key) for row in rows])
    outcomes = []
    for one, (nll, tokens, _) in zip(said, losses, strict=True):
        outcomes.append(
            RowResult(
                tokenizer.decode(one.tokens, skip_special_tokens=True).strip(),
                one.finished,
                round(nll, 4) if tokens else None,  # batching changes only later digits
                tokens or None,
            )
        )
    return outcomes


def _score_references(
    model: Any, prompts: prefill.Prompts, rows: Sequence[Row], pad: int
) -> list[likelihood.Scored]:
    """Measure the likelihood of each row's reference; of a row without one it is that of no tokens."""
    pairs = [(row.whole, row.mask) for row in rows]
    known = [number for number, row in enumerate(rows) if row.whole]
    # A tokenizer may join the end of a prompt and the beginning of an answer.
    begin_alike = all(
        rows[number].whole[: len(rows[number].prompt)] == rows[number].prompt for number in known
    )
    if prompts.cache is not None and known and begin_alike:
        return prefill.score(model, prompts, pairs, pad=pad)
    scored = likelihood.score_rows(model, [pairs[number] for number in known], pad=pad, batch_size=len(rows))
    found = dict(zip(known, scored, strict=True))
    return [found.get(number, likelihood.Scored(0.0, 0, 0)) for number in range(len(rows))]


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
    results: dict[int, Answer] = {}
    for batch in by_length([len(prompt) for prompt in prompts], batch_size):
        stacked = prefill.stack([prompts[row] for row in batch], pad, model.device)
        own = [draws[row] for row in batch] if draws is not None else []
        results.update(zip(batch, _write(model, stacked, max_new_tokens, stop, pad, own), strict=True))
    return [results[row] for row in range(len(prompts))]


def _write(
    model: Any, prompts: prefill.Prompts, max_new_tokens: int, stop: set[int], pad: int, draws: Sequence[Draw]
) -> list[Answer]:
    """Generate the answers to one batch of prompts, which the model may have read before."""
    import torch
    from transformers import GenerationConfig, LogitsProcessorList

    longest = prompts.ids.shape[1]
    greedy = GenerationConfig(
        do_sample=False,
        num_beams=1,
        repetition_penalty=1.0,  # ours is in the sampler, and does not count the prompt
        no_repeat_ngram_size=0,
        max_new_tokens=max_new_tokens,
        eos_token_id=sorted(stop),
        pad_token_id=pad,
    )
    changed = any(draw.decoding.changes for draw in draws)
    with torch.inference_mode():
        made = model.generate(
            input_ids=prompts.ids,
            attention_mask=prompts.attention,
            past_key_values=prompts.cache,
            generation_config=greedy,
            logits_processor=LogitsProcessorList([make_sampler(draws, longest)] if changed else []),
        )
    answers = []
    for tokens in made[:, longest:].tolist():
        ends = [at for at, token in enumerate(tokens) if token in stop]
        answers.append(Answer(tokens[: ends[0]] if ends else tokens, bool(ends)))
    return answers
