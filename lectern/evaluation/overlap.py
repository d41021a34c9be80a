"""chrF and BLEU by sacrebleu: counts of each row, which summed over rows give the figure, as it reports it (0 to 100).

chrF is sacrebleu's default (Popović 2015: characters, n up to 6, recall weighs double). So is BLEU (Papineni et al.
2002; the usual tokenizer 13a, exponential smoothing) but for one step before it: the characters of scripts that put no
spaces between words are set apart, for 13a would take a Chinese sentence for one word. A text in Latin, Cyrillic or
Arabic script has just the BLEU that others report with `sacrebleu -m bleu`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import regex

from lectern.text.words import UNSPACED

_ALONE = regex.compile(rf"([{UNSPACED}]\p{{M}}*)")


def count_chrf(predictions: Sequence[str], references: Sequence[str]) -> list[list[int]]:
    """Of each row, for n from 1 to 6: the character n-grams of the prediction, of the reference, and of both."""
    return _count(_chrf(), predictions, references)


def count_bleu(predictions: Sequence[str], references: Sequence[str]) -> list[list[int]]:
    """Of each row: words of the prediction, of the reference, then n-grams in both, then of the prediction, n to 4."""
    return _count(
        _bleu(), *([_ALONE.sub(r" \1 ", text) for text in side] for side in (predictions, references))
    )


def chrf(sums: np.ndarray) -> np.ndarray:
    """chrF, 0 to 100, of summed counts of shape (draws, 18)."""
    return _finish(_chrf(), sums)


def bleu(sums: np.ndarray) -> np.ndarray:
    """BLEU, 0 to 100, of summed counts of shape (draws, 10)."""
    return _finish(_bleu(), sums)


def _chrf() -> Any:
    from sacrebleu.metrics.chrf import CHRF

    return CHRF()


def _bleu() -> Any:
    from sacrebleu.metrics.bleu import BLEU

    return BLEU(force=True)  # an answer that ends in " ." is no mistake of ours: no warning


# sacrebleu draws its own bootstrap from these two functions, but has no public name for them.
def _count(metric: Any, predictions: Sequence[str], references: Sequence[str]) -> list[list[int]]:
    return metric._extract_corpus_statistics(predictions, [references]) if predictions else []


def _finish(metric: Any, sums: np.ndarray) -> np.ndarray:
    return np.array(
        [metric._compute_score_from_stats(draw).score for draw in sums.tolist()], dtype=np.float64
    )
