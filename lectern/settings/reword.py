"""Which training questions are asked in other words: section `reword` of params.yaml."""

from collections.abc import Iterator
from dataclasses import dataclass

from lectern.settings import checks


@dataclass(frozen=True)
class Reword:
    """Section `reword`: training questions that the LLM of section `teacher` puts into other words.

    They are never trained. What the tuned model answers is scored against the answer that was trained.
    """

    count: int
    """Number of training questions, drawn evenly over the items; 0 for none."""
    prompt: str
    """Name of a file in lectern/llm/prompts, without its suffix."""
    most_shared: float
    """Greatest share of the words of a rewording that one training question may have, too."""
    least_similar: float
    """Least similarity of meaning (cosine of sentence embeddings) between a question and its rewording. Texts that the
    bundled embedding model cannot read are not compared. Of 40 pairs of questions that people worded differently
    (tests/benchmarks/paraphrases.txt) all have .61 or more, and unrelated questions at most .26."""
    seed: int
    """Seed of the draw."""

    def __post_init__(self) -> None:
        checks.refuse(self._find_problems())

    def _find_problems(self) -> Iterator[str]:
        yield from checks.prompt("prompt", self.prompt)
        yield from checks.at_least(self, count=0)
        yield from checks.share("most_shared", self.most_shared, above_zero=True)
        yield from checks.share("least_similar", self.least_similar)
