"""What is looked up for a question, and who answers with it: section `retrieval` of params.yaml."""

from collections.abc import Iterator
from dataclasses import dataclass

from lectern.settings import checks

KINDS = ("base", "tuned", "model", "revision", "endpoint", "gguf", "merged")
"""Kinds of contestants; all but the first two are those of section `comparators`."""
METHODS = ("bm25", "embeddings")
SEARCHED = ("train", "all")
TURNS = ("answers", "exchanges")


@dataclass(frozen=True)
class Retrieval:
    """Section `retrieval`: which passages a search finds for each question, and which contestants answer with them."""

    contestants: list[str]
    """Kinds of contestants that answer a second time, with the passages in the prompt, under their name and `+sources`;
    [] for none. Choices: KINDS."""
    methods: list[str]
    """How passages are ranked: by `bm25`, which compares words, by `embeddings`, which compare meanings (English), or
    by both, joined by reciprocal rank fusion. Choices: METHODS."""
    searched: str
    """What is searched: `train`, which is what the tuned model could learn from too, or `all` items. Choices:
    SEARCHED."""
    include_own: bool
    """Whether a held-out question may find the very place that its true answer comes from. It then measures how well an
    answer is copied."""
    turns: str
    """What is searched of a conversation: the turns of the speakers who answer (`answers`), or these with the question
    before them (`exchanges`). Lectures and documents are searched by their passages. Choices: TURNS."""
    max_turn_words: int
    """A longer turn is divided at sentence ends where the topic changes. Unit: words."""
    passages: int
    """Greatest number of passages in a prompt."""
    max_words: int
    """Greatest number of words of all passages in a prompt; those that rank lower are left out. Unit: words."""
    prompt: str
    """Name of a file in lectern/llm/prompts, without its suffix: how passages and question are put together."""
    train_share: float
    """Share of the training rows that carry passages too, so that the tuned model learns what to do with them (RAFT,
    arXiv:2403.10131)."""
    train_true: float
    """Share of these rows whose passages hold the row's own place; the others carry only passages that distract."""
    seed: int
    """Seed of the draw of these rows, and of the bootstrap."""
    resamples: int
    """Number of bootstrap resamples for the share of questions whose passage was found."""
    confidence: float
    """Confidence level of these intervals, between 0 and 1."""

    @property
    def is_on(self) -> bool:
        """Whether anything is looked up at all."""
        return bool(self.contestants) or self.train_share > 0

    def __post_init__(self) -> None:
        checks.refuse(self._find_problems())

    def _find_problems(self) -> Iterator[str]:
        for kind in self.contestants:
            yield from checks.choice("contestants", kind, KINDS)
        yield from checks.unique("contestants", self.contestants, "a kind")
        for method in self.methods:
            yield from checks.choice("methods", method, METHODS)
        yield from checks.unique("methods", self.methods, "a method")
        if not self.methods:
            yield "methods is []; give bm25, embeddings or both (to look nothing up, set contestants to [])"
        yield from checks.choice("searched", self.searched, SEARCHED)
        yield from checks.prompt("prompt", self.prompt)
        yield from checks.choice("turns", self.turns, TURNS)
        yield from checks.at_least(self, max_turn_words=20, passages=1, max_words=1)
        yield from checks.share("train_share", self.train_share)
        yield from checks.share("train_true", self.train_true)
        yield from checks.bootstrap(self.resamples, self.confidence)
