"""Make chat examples from each conversation.

Run: python -m stages.examples        (dvc stage: examples)
Reads data/conversations, writes data/examples: one .jsonl per item and the manifest; metrics/examples.json counts the
rows, and what was dropped and why.
"""

import functools
from dataclasses import dataclass, field
from pathlib import Path

from stages.core import io, items, params, stage
from stages.speech import examples


@dataclass(frozen=True)
class ExamplesParams:
    """Section `examples`."""

    methods: list[str] = field(default_factory=lambda: list(examples.METHODS))
    """Keys of `examples.METHODS`, in the order in which the rows come."""
    min_answer_words: int = 5
    """description_questions: an answer with fewer words is dropped."""
    max_shift: float = 10.0
    """description_questions: seconds by which a stamp may be off the question that it marks."""

    def __post_init__(self) -> None:
        unknown = [method for method in self.methods if method not in examples.METHODS]
        if unknown or not self.methods:
            raise ValueError(
                f"methods is {list(self.methods)}: use one or more of {', '.join(examples.METHODS)}"
            )
        if self.min_answer_words < 1 or self.max_shift < 0:
            raise ValueError(
                f"min_answer_words is {self.min_answer_words} (at least 1), max_shift is {self.max_shift} (at least 0)"
            )


def main(params: ExamplesParams, conversations: Path, out: Path, metrics: Path) -> items.SyncResult:
    """Bring `out` to exactly one file of examples per conversation, which may be empty."""
    options = {
        "description_questions": {"min_answer_words": params.min_answer_words, "max_shift": params.max_shift}
    }

    result = items.sync(
        [items.Item(name, {"conversation": path}) for name, path in items.read(conversations).items()],
        out,
        functools.partial(examples.load, methods=tuple(params.methods), options=options),
        suffix=".jsonl",
        params={"methods": list(params.methods), **options},
        code=(examples,),
    )
    summary = examples.summarise(items.facts(out))
    io.write_json(metrics, summary)
    if silent := summary["dropped"].get("no_questions"):
        print(f"examples: {silent} of {summary['items']} descriptions stamp no question")
    return result


if __name__ == "__main__":
    stage.run(
        "examples",
        lambda: main(
            params.load("examples", ExamplesParams),
            Path("data/conversations"),
            Path("data/examples"),
            Path("metrics/examples.json"),
        ),
    )
