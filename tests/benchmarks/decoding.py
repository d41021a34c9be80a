"""Which decoding ends the loops of a tuned model: its answers to questions that nothing else is reported on.

Run: python -m tests.benchmarks.decoding [QUESTIONS] [MAX_NEW_TOKENS]
Needs models/adapter and data/splits, which `make run` makes. The questions are those of the training and validation
splits, each row's first one, or so many of them, drawn evenly: neither the held-out rows nor people's questions, on
which the report measures. Prints, for each setting, the share of four-word runs that occur again in their answer, the
share of answers that end by themselves, their mean length, and ROUGE-L against the true answers.
"""

import sys
from dataclasses import replace
from pathlib import Path

from lectern.answering import contestants, questions
from lectern.core import io, params, paths
from lectern.core.schema import TUNED, Example
from lectern.evaluation import health, rouge
from lectern.models import chat_format, generation, loading
from lectern.report.drawing import spread
from lectern.settings.base_model import BaseModelSettings
from lectern.settings.decoding import NEUTRAL
from lectern.settings.render import Render

SETTINGS = {
    "as the model is": NEUTRAL,
    **{f"penalty {p}": replace(NEUTRAL, repetition_penalty=p) for p in (1.1, 1.15, 1.2, 1.3)},
    "no 4 tokens again": replace(NEUTRAL, no_repeat_ngram_size=4),
}
BATCH = 8


def main(number: int, most: int) -> None:
    base = params.load("base_model", BaseModelSettings)
    persona = params.load("render", Render).persona
    local, _ = contestants.gather(base, paths.ADAPTER, persona, {})
    who = next(one for one in local if one.name == TUNED)
    rows = [
        row
        for name in ("train", "validation")
        for row in io.read_jsonl(Path(f"data/splits/{name}.jsonl"), Example)
    ]
    asks = [
        questions.Ask("training", row.id, row.messages[:at], row.messages[at].content, row.provenance)
        for row in rows
        for at in [next(n for n, said in enumerate(row.messages) if said.role == "assistant")]
    ]
    asks = [asks[place] for place in spread(len(asks), number)]
    tokenizer = loading.get_tokenizer(base)
    prepared = questions.prepare(
        asks,
        tokenizer,
        chat_format.training_template(tokenizer, base.chat_template),
        context_length=base.context_length,
        max_new_tokens=most,
        persona_text=persona,
    )
    true = {ask.key: ask.reference or "" for ask in asks}
    print(f"{len(prepared.rows)} questions, at most {most} tokens an answer")
    print(f"{'setting':<28} {'repeated':>8} {'ended':>6} {'words':>6} {'ROUGE-L':>8}")
    for _, model in contestants.load_in_turn([who]):
        stop = generation.stop_tokens(model, tokenizer, base.end_of_turn)
        for name, decoding in SETTINGS.items():
            options = generation.AnswerOptions(most, decoding, 0)
            made = generation.answer(
                model,
                [row.prompt for row in prepared.rows],
                max_new_tokens=most,
                stop=stop,
                pad=tokenizer.pad_token_id,
                batch_size=BATCH,
                draws=[options.draw(row.key) for row in prepared.rows],
            )
            texts = [tokenizer.decode(one.tokens, skip_special_tokens=True).strip() for one in made]
            found = [health.measure(text) for text in texts]
            runs = sum(one.fourgrams for one in found)
            again = sum(one.repeated_fourgrams for one in found) / max(1, runs)
            ended = sum(one.finished for one in made) / len(made)
            words = sum(len(text.split()) for text in texts) / len(texts)
            scores = rouge.score_rows(texts, [true[row.key] for row in prepared.rows])["rougeL"]
            mean = sum(score or 0.0 for score in scores) / len(scores)
            print(f"{name:<28} {again:>8.1%} {ended:>6.0%} {words:>6.1f} {mean:>8.3f}", flush=True)


if __name__ == "__main__":
    given = dict(enumerate(map(int, sys.argv[1:])))
    main(given.get(0, 1000), given.get(1, 128))
