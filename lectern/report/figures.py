"""How each figure is shown: its name, what it counts, its unit, and which direction is better."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lectern.report import wording


@dataclass(frozen=True)
class Figure:
    """One figure of metrics/scores.json, metrics/episodes.json or metrics/judge.json."""

    key: str
    name: str
    about: str
    lower_is_better: bool | None = None
    """none: neither direction is better in itself"""
    digits: int = 2
    is_share: bool = False

    def show(self, value: float) -> str:
        """A value with its unit."""
        text = wording.share(value) if self.is_share else f"{value:,.{self.digits}f}"
        return text.replace("-", "\u2212")

    def show_change(self, value: float) -> str:
        """A difference with its sign; of shares in points."""
        if self.is_share:
            return wording.signed(100 * value, 0 if abs(value) >= 0.0995 or value == 0 else 1)
        return wording.signed(value, self.digits)

    def show_interval(self, part: Mapping[str, Any]) -> str:
        """`1.80 to 2.00`, `36 to 91 %`, or nothing where there are too few rows for one."""
        if part.get("low") is None or part.get("high") is None:
            return ""
        return f"{self.show(part['low']).removesuffix(' %')} to {self.show(part['high'])}"

    def show_change_interval(self, part: Mapping[str, Any]) -> str:
        """`−0.85 to −0.67`, of shares `+50 to +100 points`."""
        if part.get("low") is None or part.get("high") is None:
            return ""
        bounds = f"{self.show_change(part['low'])} to {self.show_change(part['high'])}"
        return bounds + (" points" if self.is_share else "")

    def tell(self, difference: Mapping[str, Any]) -> dict[str, str]:
        """What may be said of a difference, in words and as a tone for its colour."""
        if difference["low"] == difference["high"] == 0:
            return {"verdict": "no difference", "tone": "unclear"}
        verdict = wording.judge(difference, bool(self.lower_is_better))
        if self.lower_is_better is None and verdict in ("better", "worse"):
            return {"verdict": "higher" if difference["value"] > 0 else "lower", "tone": "neutral"}
        return {"verdict": wording.VERDICTS[verdict], "tone": verdict}


GROUPS: tuple[tuple[str, str, tuple[Figure, ...]], ...] = (
    (
        "Likelihood",
        "How likely the model finds the true answers: it needs no answer of its own, and small changes show.",
        (
            Figure("nll", "Negative log-likelihood", "nats a token of the true answer; lower is better", True),
            Figure("perplexity", "Perplexity", "its exponential; lower is better", True, digits=1),
            Figure("bits_per_byte", "Bits a byte", "comparable between tokenizers; lower is better", True, 3),
        ),
    ),
    (
        "Overlap with the reference",
        "How much of the true answer's wording the model's own answer has.",
        (
            Figure("rougeL", "ROUGE-L", "longest common word sequence, F1; higher is better", False, 3),
            Figure("rouge1", "ROUGE-1", "shared words, F1; higher is better", False, 3),
            Figure("rouge2", "ROUGE-2", "shared word pairs, F1; higher is better", False, 3),
            Figure("rougeLsum", "ROUGE-Lsum", "the same by sentences; higher is better", False, 3),
            Figure("chrf", "chrF", "shared character sequences, 0 to 100; higher is better", False, 1),
            Figure("bleu", "BLEU", "shared word sequences, 0 to 100; higher is better", False, 1),
        ),
    ),
    (
        "Meaning",
        "How near the answer stands to the reference, whatever words it uses.",
        (Figure("similarity", "Similarity", "cosine of sentence embeddings; higher is better", False, 3),),
    ),
    (
        "Health",
        "What goes wrong in text that a model writes. Where a mark shows the reference, that is how people's own "
        "answers measure.",
        (
            Figure("finished", "Finished", "answers that the model ended; higher is better", False, is_share=True),
            Figure("empty", "Empty", "answers without a word; lower is better", True, is_share=True),
            Figure("length_ratio", "Length", "words for each word of the reference; 1 is its length"),
            Figure("words", "Words", "an answer", digits=1),
            Figure("repetition4", "Repetition", "four-word runs said before in the same answer", True, is_share=True),
            Figure("repeated_answers", "Repeated answers", "the same as that to another question", True, is_share=True),
            Figure("distinct1", "Distinct words", "of an answer's words", is_share=True),
            Figure("distinct2", "Distinct word pairs", "of an answer's word pairs", is_share=True),
            Figure("copied_share", "Copied", "words in runs of training text; lower is better", True, is_share=True),
            Figure("longest_copy", "Longest copy", "words of an answer's longest such run; lower is better", True, 1),
        ),
    ),
)  # fmt: skip

FIGURES = {figure.key: figure for _, _, group in GROUPS for figure in group}

EPISODES = {
    figure.key: figure
    for figure in (
        Figure("turns", "Turns", "an episode", digits=1),
        Figure("words", "Words", "an episode", digits=0),
        Figure("role_tags", "Role tags", "stray or unclosed ones in a turn; lower is better", True, 3),
        Figure("one_word_turns", "One-word turns", "of all turns", is_share=True),
        Figure("host_share", "The host's part", "of the words", is_share=True),
        Figure("repetition4", "Repetition", "four-word runs said before; lower is better", True, is_share=True),
        Figure("distinct2", "Distinct word pairs", "of an episode's word pairs", is_share=True),
        Figure("copied_share", "Copied", "words in runs of training text; lower is better", True, is_share=True),
        Figure("longest_copy", "Longest copy", "words of the longest such run; lower is better", True, 1),
        Figure("closed", "Closed", "episodes that end with a closing", is_share=True),
        Figure("unfinished_turns", "Unfinished turns", "cut at the length limit", is_share=True),
    )
}  # fmt: skip

WIN_RATE = Figure(
    "win_rate", "Preferred by the judge", "ties count half; 50 % is no difference", is_share=True
)
RUBRIC = Figure("score", "Rubric score", "1 to 5; higher is better", False)
OF_TOKENS = ("nll", "perplexity")
"""Figures that only models with one tokenizer can be compared by."""
