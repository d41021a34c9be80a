"""Which way each figure is better, which are shares, and how many decimals they have: a verdict depends on it."""

from collections.abc import Iterable

import pytest

from lectern.evaluation import answer_figures, health, judge_figures, speech
from lectern.evaluation.figure_type import Figure

ANSWERS = list(answer_figures.FIGURES.values())
EPISODES = list(health.FIGURES.values())
SPEECH = list(speech.FIGURES.values())
JUDGE = [judge_figures.WIN_RATE, judge_figures.FLIP_RATE, judge_figures.RUBRIC, *judge_figures.CALIBRATION]


def keys(figures: Iterable[Figure]) -> str:
    return " ".join(figure.key for figure in figures)


@pytest.mark.parametrize(
    ("figures", "lower", "higher"),
    [
        (
            ANSWERS,
            "nll perplexity bits_per_byte empty repetition4 repeated_answers copied_share longest_copy",
            "rougeL rouge1 rouge2 rougeLsum chrf bleu similarity support finished",
        ),
        (EPISODES, "role_tags repetition4 copied_share longest_copy", ""),
        (SPEECH, "wer der der_with_collar", "word_speaker_accuracy speaker_count_accuracy"),
        (JUDGE, "", "score"),
    ],
    ids=["answers", "episodes", "speech", "judge"],
)
def test_a_figure_is_better_one_way_or_neither(figures: list[Figure], lower: str, higher: str) -> None:
    assert keys(figure for figure in figures if figure.lower_is_better) == lower
    assert keys(figure for figure in figures if figure.lower_is_better is False) == higher


@pytest.mark.parametrize(
    ("figures", "shares", "decimals"),
    [
        (
            ANSWERS,
            "support finished empty repetition4 repeated_answers distinct1 distinct2 copied_share",
            {
                "perplexity": 1, "bits_per_byte": 3, "rougeL": 3, "rouge1": 3, "rouge2": 3, "rougeLsum": 3, "chrf": 1,
                "bleu": 1, "similarity": 3, "words": 1, "longest_copy": 1,
            },
        ),
        (
            EPISODES,
            "one_word_turns host_share repetition4 distinct2 copied_share closed unfinished_turns",
            {"turns": 1, "words": 0, "role_tags": 3, "longest_copy": 1},
        ),
        (SPEECH, "wer der der_with_collar word_speaker_accuracy speaker_count_accuracy", {}),
        (JUDGE, "win_rate flip_rate agreement tpr tnr flip_rate", {}),
    ],
    ids=["answers", "episodes", "speech", "judge"],
)  # fmt: skip
def test_a_figure_is_shown_as_a_share_or_with_its_decimals(
    figures: list[Figure], shares: str, decimals: dict[str, int]
) -> None:
    assert keys(figure for figure in figures if figure.is_share) == shares
    assert {figure.key: figure.digits for figure in figures if figure.digits != 2} == decimals


def test_the_figures_of_answers_stand_in_four_groups() -> None:
    groups = {group: keys(f for f in ANSWERS if f.group == group) for group in answer_figures.GROUPS}
    assert groups == {
        "Likelihood": "nll perplexity bits_per_byte",
        "Overlap with the reference": "rougeL rouge1 rouge2 rougeLsum chrf bleu",
        "Meaning": "similarity",
        "Sources": "support",
        "Health": "finished empty length_ratio words repetition4 repeated_answers distinct1 distinct2 copied_share "
        "longest_copy",
    }
    assert answer_figures.of_tokens() == ["nll", "perplexity"]
