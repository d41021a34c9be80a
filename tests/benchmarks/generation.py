"""How much faster answers come in batches than one by one, on the demo's held-out prompts and model.

Run: taskset -c 0 python -m tests.benchmarks.generation [--prompts 32] [--batch-size 8] [--tokens 128]
Prints tokens a second of CPU time of either way and their ratio, for the limit of tokens that the demo has. The two
take turns, so that another program's load disturbs both alike. Needs data/splits (`dvc repro split`); the prompts are
the held-out ones, and again with other words in front until there are enough.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from lectern.answering import questions
from lectern.core import io, params
from lectern.core.schema import Example, Message
from lectern.models import batching, chat_format, generation, loading
from lectern.settings.base_model import BaseModelSettings

OPENINGS = ("", "Briefly: ", "I have a question. ", "One more thing, and please answer in two sentences. ")


def draw(count: int) -> list[questions.Ask]:
    """Held-out prompts, with each opening in turn."""
    asks = questions.collect(io.read_jsonl(Path("data/splits/test.jsonl"), Example), [], Path())
    many = []
    for number in range(count):
        ask, opening = asks[number % len(asks)], OPENINGS[number // len(asks) % len(OPENINGS)]
        *before, last = ask.messages
        asked = [*before, Message(role=last.role, content=opening + last.content)]
        many.append(questions.Ask(ask.set, f"{ask.id}{number}", asked, ask.reference, ask.provenance))
    return many


def main(count: int, batch_size: int, tokens: int) -> None:
    """Measure, and print what came out."""
    import torch

    torch.set_num_threads(1)
    base = params.load("base_model", BaseModelSettings)
    tokenizer, model = loading.get_tokenizer(base), loading.get_model(base)
    template = chat_format.training_template(tokenizer, base.chat_template)
    found = questions.prepare(
        draw(count), tokenizer, template, context_length=base.context_length, max_new_tokens=tokens
    )
    asked = [row.prompt for row in found.rows]
    stop = generation.stop_tokens(model, tokenizer, base.end_of_turn)

    def answer(some: Sequence[list[int]], size: int) -> tuple[float, list[generation.Answer]]:
        began = time.process_time()
        said = generation.answer(
            model, some, max_new_tokens=tokens, stop=stop, pad=tokenizer.pad_token_id, batch_size=size
        )
        return time.process_time() - began, said

    answer(asked[:2], 2)  # what is done once is done
    seconds = {"in batches": 0.0, "one by one": 0.0}
    written = finished = same = 0
    for numbers in batching.by_length([len(prompt) for prompt in asked], batch_size):
        some = [asked[number] for number in numbers]
        spent, together = answer(some, batch_size)
        seconds["in batches"] += spent
        spent, alone = answer(some, 1)
        seconds["one by one"] += spent
        written += sum(len(said.tokens) + said.finished for said in alone)
        finished += sum(said.finished for said in alone)
        same += sum(one == other for one, other in zip(together, alone, strict=True))
    print(
        f"{base.name}, {len(asked)} prompts, at most {tokens} tokens each: {written} written, {finished} finished"
    )
    for way, spent in seconds.items():
        print(f"{way:11} {written / spent:7.1f} tokens a second of CPU time ({spent:.1f} s)")
    ratio = seconds["one by one"] / seconds["in batches"]
    print(f"batches of {batch_size}: {ratio:.2f} times as fast; {same} of {len(asked)} answers are the same")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--prompts", type=int, default=32)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=128)
    given = parser.parse_args()
    main(given.prompts, given.batch_size, given.tokens)
