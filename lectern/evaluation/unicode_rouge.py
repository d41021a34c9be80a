"""ROUGE for texts in any script, as a metric module of `evaluate`.

`evaluate.load("lectern/evaluation/unicode_rouge.py")` loads this file without a network, whereas
`evaluate.load("rouge")` asks a hub. evaluate copies this one file into its cache and imports it there.
"""

import datasets
import evaluate
from rapidfuzz.distance import LCSseq
from rouge_score import rouge_scorer, scoring
from sentencex import segment

from lectern.text.words import words

TYPES = ("rouge1", "rouge2", "rougeL", "rougeLsum")
LSUM_LIMIT = 10_000_000
"""ROUGE-Lsum is left out if the number of words of the answer times that of the reference reaches this limit, because
`rouge_score` fills a table of that size, at about 0.1 µs and 8 bytes per field."""
LANGUAGE = "en"
"""Language of the sentence splitter. Its rules also end sentences at the marks of other scripts."""


class UnicodeWords:
    """A tokenizer for `rouge_score`, whose own drops all letters but a-z."""

    def tokenize(self, text: str) -> list[str]:
        """Split `text` into comparable words."""
        return words(text)


class UnicodeRouge(evaluate.Metric):
    """ROUGE-1, ROUGE-2, ROUGE-L and ROUGE-Lsum as F1 from 0 to 1: a list for each, with one value per row."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="ROUGE F1 of each row, with words of any script",
            citation="Lin (2004), ROUGE: a package for automatic evaluation of summaries",
            inputs_description="predictions: texts; references: one text each",
            features=datasets.Features(
                {"predictions": datasets.Value("string"), "references": datasets.Value("string")}
            ),
        )

    def _compute(self, predictions: list[str], references: list[str]) -> dict[str, list[float | None]]:
        ngrams = rouge_scorer.RougeScorer(TYPES[:2], tokenizer=UnicodeWords())
        lsum = rouge_scorer.RougeScorer(TYPES[3:], tokenizer=UnicodeWords())
        found: dict[str, list[float | None]] = {name: [] for name in TYPES}
        for made, reference in zip(predictions, references, strict=True):
            for name, score in ngrams.score(reference, made).items():
                found[name].append(float(score.fmeasure))
            ours, theirs = words(made), words(reference)
            found["rougeL"].append(_longest_common(ours, theirs))
            fits = len(ours) * len(theirs) < LSUM_LIMIT
            found["rougeLsum"].append(_sentences_in_common(lsum, made, reference) if fits else None)
        return found


def _longest_common(ours: list[str], theirs: list[str]) -> float:
    """Compute ROUGE-L. rapidfuzz finds the common subsequence, since the table that `rouge_score` would fill takes too
    much time and memory for two texts of 50,000 characters.
    """
    if not ours or not theirs:
        return 0.0
    common = LCSseq.similarity(ours, theirs)
    return float(scoring.fmeasure(common / len(ours), common / len(theirs)))


def _sentences_in_common(scorer: rouge_scorer.RougeScorer, made: str, reference: str) -> float:
    """Compute ROUGE-Lsum. `rouge_score` expects one sentence per line."""
    lines = ("\n".join(segment(LANGUAGE, text)) for text in (reference, made))
    return float(scorer.score(*lines)["rougeLsum"].fmeasure)
