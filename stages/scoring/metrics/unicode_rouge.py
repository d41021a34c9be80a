"""ROUGE for `evaluate`, in any script.

Loaded from this file: `evaluate.load("stages/scoring/metrics/unicode_rouge.py")` needs no network, where
`evaluate.load("rouge")` asks a hub. evaluate copies this one file into its cache and imports it there.
"""

import datasets
import evaluate
from rouge_score import rouge_scorer

from stages.text.words import words

TYPES = ("rouge1", "rouge2", "rougeL")


class UnicodeWords:
    """The tokenizer that `rouge_score` asks for; its own drops every letter but a-z."""

    def tokenize(self, text: str) -> list[str]:
        """Comparable words of `text`."""
        return words(text)


class UnicodeRouge(evaluate.Metric):
    """ROUGE-1, ROUGE-2 and ROUGE-L as F1 from 0 to 1: a list each, one value a row."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="ROUGE F1 of each row, with words of any script",
            citation="Lin (2004), ROUGE: a package for automatic evaluation of summaries",
            inputs_description="predictions: texts; references: one text each",
            features=datasets.Features(
                {"predictions": datasets.Value("string"), "references": datasets.Value("string")}
            ),
        )

    def _compute(self, predictions: list[str], references: list[str]) -> dict[str, list[float]]:
        scorer = rouge_scorer.RougeScorer(TYPES, tokenizer=UnicodeWords())
        rows = [scorer.score(ref, made) for ref, made in zip(references, predictions, strict=True)]
        return {name: [float(row[name].fmeasure) for row in rows] for name in TYPES}
