import numpy as np
import pytest

from lectern.models import embeddings
from tests.support.paraphrases import BURNING, LEASE, LICENCE, MEDIAN, SMOKE


def test_an_embedding_is_that_of_its_text_alone() -> None:
    texts = [*SMOKE, *BURNING, "", MEDIAN[0], SMOKE[0]]
    together = embeddings.embed(texts)
    # property: unit length but for nothing said, in the order given, whatever else is embedded with it
    assert np.linalg.norm(together, axis=1) == pytest.approx([1, 1, 1, 1, 0, 1, 1], abs=1e-6)
    for text, vector in zip(texts, together, strict=True):
        assert vector == pytest.approx(embeddings.embed([text])[0], abs=1e-5)


def test_the_number_of_threads_changes_no_bit() -> None:
    import torch

    texts = [f"{a} {b}" for a in (*SMOKE, *BURNING, *LEASE) for b in (*MEDIAN, *LICENCE, *SMOKE)]
    before = torch.get_num_threads()
    made = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            made.append(embeddings.embed(texts).tobytes())
            assert torch.get_num_threads() == threads  # and the setting is left as it was
    finally:
        torch.set_num_threads(before)
    # property: the same bytes
    assert made[0] == made[1] == made[2]


def test_the_end_of_a_long_text_counts() -> None:
    start = "The value in the middle is called the median. " * 40
    vectors = embeddings.embed([start, start + SMOKE[1] * 20])
    # property: nothing is cut off at the length that the model reads at once
    assert embeddings.similarity(vectors[:1], vectors[1:])[0] < 0.95
