"""Answers of a model to given prompts, and the tuned model beside its base."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.core.schema import Example, Prediction
from stages.tuning import adapters, devices, likelihood, models, persona, templates
from stages.tuning.batching import by_length


@dataclass(frozen=True)
class HeldOut:
    """A held-out example in tokens."""

    example: Example
    prompt: list[int]
    """as a server would send it"""
    whole: templates.Encoded
    """prompt and reference; the reference and its end of turn are marked"""


@dataclass(frozen=True)
class Answer:
    """What a model said."""

    tokens: list[int]
    """without the one that ends the turn"""
    finished: bool
    """it ended its turn itself, before the limit"""


def prepare(
    examples: Sequence[Example],
    tokenizer: Any,
    template: str,
    *,
    context_length: int,
    max_new_tokens: int,
    persona_text: str | None = None,
) -> list[HeldOut]:
    """The examples with exactly one answer, in order of id. Left out are dialogues and what exceeds the context.

    Args:
        examples: of the test split.
        tokenizer: of the base model.
        template: with generation marks.
        context_length: tokens that the model can read.
        max_new_tokens: room for its answer.
        persona_text: `render.persona`, so that a model is asked as it was trained.
    """
    shape = persona.shape(tokenizer, template, persona_text)
    single = sorted(
        (e for e in examples if sum(message.role == "assistant" for message in e.messages) == 1),
        key=lambda e: e.id,
    )
    asked = [shape.place(shape.open(e)) for e in single]
    prompts = templates.serve(tokenizer, [messages[:-1] for messages in asked], answering=True)
    encoded = templates.encode(tokenizer, asked, template)
    return [
        HeldOut(example, prompt, whole)
        for example, prompt, whole in zip(single, prompts, encoded, strict=True)
        if max(len(prompt) + max_new_tokens, len(whole.input_ids)) <= context_length
    ]


def predict(
    model: Any,
    held_out: Sequence[HeldOut],
    tokenizer: Any,
    *,
    end_of_turn: str,
    max_new_tokens: int,
    batch_size: int,
) -> list[Prediction]:
    """What the model answers, and how likely it finds the reference, for each held-out example in the given order."""
    stop = stop_tokens(model, tokenizer, end_of_turn)
    answers = answer(
        model,
        [row.prompt for row in held_out],
        max_new_tokens=max_new_tokens,
        stop=stop,
        pad=tokenizer.pad_token_id,
        batch_size=batch_size,
    )
    scored = likelihood.negative_log_likelihoods(
        model,
        [(row.whole.input_ids, row.whole.assistant_mask) for row in held_out],
        pad=tokenizer.pad_token_id,
        batch_size=batch_size,
    )
    return [
        Prediction(
            id=row.example.id,
            messages=row.example.messages[:-1],
            reference=row.example.messages[-1].content,
            prediction=tokenizer.decode(said.tokens, skip_special_tokens=True).strip(),
            finished=said.finished,
            nll=round(nll, 4),  # what batching changes lies below
            tokens=tokens,
            provenance=row.example.provenance,
        )
        for row, said, (nll, tokens) in zip(held_out, answers, scored, strict=True)
    ]


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
) -> list[Answer]:
    """The most likely next token, again and again, for each prompt.

    Prompts of similar length are computed together, padded on the left and masked. Batching changes the last bits of
    float32 sums: where two tokens are equally likely to that precision, an answer may depend on its neighbours.

    Args:
        model: a causal language model.
        prompts: tokens, ending where the answer begins.
        max_new_tokens: limit of an answer.
        stop: tokens that end an answer.
        pad: any token.
        batch_size: prompts computed together.
    """
    import torch
    from tqdm import tqdm
    from transformers import GenerationConfig

    greedy = GenerationConfig(
        do_sample=False,
        num_beams=1,
        repetition_penalty=1.0,
        max_new_tokens=max_new_tokens,
        eos_token_id=sorted(stop),
        pad_token_id=pad,
    )
    results: dict[int, Answer] = {}
    for batch in tqdm(
        by_length([len(prompt) for prompt in prompts], batch_size),
        desc="generate",
        unit="batch",
        disable=None,
    ):
        longest = max(len(prompts[row]) for row in batch)
        ids = torch.full((len(batch), longest), pad, dtype=torch.long)
        attention = torch.zeros_like(ids)
        for place, row in enumerate(batch):
            ids[place, longest - len(prompts[row]) :] = torch.tensor(prompts[row])
            attention[place, longest - len(prompts[row]) :] = 1
        with torch.inference_mode():
            made = model.generate(
                input_ids=ids.to(model.device),
                attention_mask=attention.to(model.device),
                generation_config=greedy,
            )
        for row, tokens in zip(batch, made[:, longest:].tolist(), strict=True):
            ends = [at for at, token in enumerate(tokens) if token in stop]
            results[row] = Answer(tokens[: ends[0]] if ends else tokens, bool(ends))
    return [results[row] for row in range(len(prompts))]


def contestants(base: models.BaseModel, adapter: Path) -> Iterator[tuple[str, Any]]:
    """The base model and the tuned one, under their names, one after the other: each is used before the next comes.

    Raises:
        LecternError: there are no trained weights, or they were made for another base model.
    """
    record = adapters.read_record(base, adapter)
    if record.method == "full":
        yield "base", models.get_model(base, dtype=devices.DTYPES[record.precision])
        yield "tuned", adapters.load(base, adapter)
        return
    model = adapters.load(base, adapter)
    with model.disable_adapter():
        yield "base", model
    yield "tuned", model
