"""chrF and BLEU by sacrebleu. Rows have counts, whose sums give the figure as sacrebleu reports it (0 to 100).

chrF has sacrebleu's defaults (Popović 2015: characters, n up to 6, recall weighs double). BLEU has them too (Papineni
et al. 2002; tokenizer 13a, exponential smoothing), except for one step before: characters of scripts without spaces
between words are separated, because 13a would take a Chinese sentence for one word. The BLEU of a text in Latin,
Cyrillic or Arabic script is exactly that of `sacrebleu -m bleu`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import regex

from lectern.text.words import UNSPACED

_ALONE = regex.compile(rf"([{UNSPACED}]\p{{M}}*)")


def count_chrf(predictions: Sequence[str], references: Sequence[str]) -> list[list[int]]:
    """Count for each row, for n from 1 to 6: character n-grams of the prediction, of the reference, and in common."""
    return _count(_chrf(), predictions, references)


def count_bleu(predictions: Sequence[str], references: Sequence[str]) -> list[list[int]]:
    """Count for each row: words of the prediction and of the reference; common n-grams and n-grams of the prediction.

    n goes from 1 to 4.
    """
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

    return BLEU(force=True)  # no warning that the text seems tokenized: an answer may really end in " ."


# sacrebleu draws its own bootstrap from these two functions, but has no public name for them.
def _count(metric: Any, predictions: Sequence[str], references: Sequence[str]) -> list[list[int]]:
    return metric._extract_corpus_statistics(predictions, [references]) if predictions else []


def _finish(metric: Any, sums: np.ndarray) -> np.ndarray:
    return np.array(
        [metric._compute_score_from_stats(draw).score for draw in sums.tolist()], dtype=np.float64
    )
