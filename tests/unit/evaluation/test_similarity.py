import numpy as np
import pytest

from lectern.evaluation import similarity
from lectern.models import embeddings, integer_layers

PAIRS = [
    ("Fix the seed before the run.", "Set the random seed first."),
    ("Bananas are yellow.", "Set the random seed first."),
    ("", "Set the random seed first."),
]
SENTENCES = [
    f"{who} {what} the {which} {when}."
    for who in ("The nurse", "My neighbour", "A pilot", "Nobody")
    for what in ("reads", "repairs", "loses")
    for which in ("map", "engine", "ticket", "old house")
    for when in ("at night", "in the rain")
]


def test_what_means_the_same_is_closer_than_what_does_not() -> None:
    same, other, nothing = similarity.measure(PAIRS, "float32")
    # property: near 1 for a paraphrase, near 0 for something else, 0 for nothing said
    assert same > 0.6 > 0.3 > other
    assert nothing == 0.0
    assert similarity.measure([(PAIRS[0][0], PAIRS[0][0])], "float32") == [1.0]
    assert similarity.measure([], "int8") == []


@pytest.mark.parametrize(
    ("answer", "reference", "comparable"),
    [
        ("yes", "no", True),
        ("", "no", True),
        (" \n", "no", True),
        ("42", "no", False),
        ("yes", " \n", False),
        ("да", "no", False),
        ("yes", "нет", False),
        ("yes", "42", False),
    ],
)
def test_only_what_the_model_reads_is_compared(answer: str, reference: str, comparable: bool) -> None:
    # property: a text that the model cannot read gets no number; silence does not get away with none
    assert similarity.is_comparable(answer, reference) == comparable


def test_whole_numbers_come_near_to_single_precision() -> None:
    exact, quick = embeddings.embed(SENTENCES), embeddings.embed(SENTENCES, quick=True)
    others = np.roll(np.arange(len(SENTENCES)), 7)
    error = (quick * quick[others]).sum(1) - (exact * exact[others]).sum(1)
    # property: a row's error is about a hundredth, that of the mean much less, and an embedding is its text's alone
    assert np.abs(error).mean() < 0.015
    assert np.abs(error).max() < 0.06
    assert abs(error.mean()) < 0.006
    assert embeddings.embed(SENTENCES[5:6], quick=True)[0] == pytest.approx(quick[5], abs=1e-6)


def test_weights_leave_room_for_sums_of_two_products_in_16_bits() -> None:
    import torch

    linear = torch.nn.Linear(64, 32)
    states = torch.randn(5, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        found = integer_layers.quantise(torch.nn.Sequential(linear))(states)
        true = linear(states)
    # property: 255 * 63 + 255 * 63 is below 2**15, so that no processor saturates; and the layer still is that layer
    assert 2 * 255 * integer_layers.WEIGHT_STEPS < 2**15
    assert torch.abs(found - true).max() < 0.05


@pytest.mark.slow
def test_many_texts_are_embedded_in_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = [(f"{one} {n}", two) for n, (one, two) in enumerate(zip(SENTENCES, SENTENCES[::-1], strict=True))]
    monkeypatch.setattr(similarity, "EXACT_TEXTS", 10)
    assert similarity.choose_weights(pairs) == "int8"
    with similarity.measuring(pairs) as found:
        # property: the same numbers in the same order as here
        assert found() == similarity.measure(pairs, "int8")


def test_of_very_many_questions_a_part_is_embedded() -> None:
    keys = [("held_out", f"{number:016x}") for number in range(similarity.MOST_QUESTIONS + 500)]
    # property: few questions are all embedded; of many the same ones are drawn, whatever their order
    assert similarity.draw_questions(keys[:100]) == set(keys[:100])
    drawn = similarity.draw_questions(keys)
    assert len(drawn) == similarity.MOST_QUESTIONS
    assert drawn == similarity.draw_questions(reversed(keys))
    # property: the draw does not follow the order of the ids
    assert drawn != set(keys[: similarity.MOST_QUESTIONS])
