"""Thinking before an answer is no part of it, and a text that speaks of thinking loses nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectern.models import thinking

PLAIN = st.text(max_size=40).filter(lambda text: "think>" not in text)


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("<think>\nFirst.\n</think>\n\nBecause.", "Because."),
        ("<think>\n\n</think>\n\nBecause.", "Because."),
        ("First.\n</think>\n\nBecause.", "Because."),  # the prompt had the opening mark
        ("<think>\nFirst, and the limit came", ""),
        ("  <think>a</think>b<think>c</think> d", "d"),
        (
            "R1 writes <think> before it answers, then </think>.",
            "R1 writes <think> before it answers, then </think>.",
        ),
        ("", ""),
    ],
)
def test_thinking_is_dropped(said: str, answer: str) -> None:
    assert thinking.drop(said) == answer
    assert thinking.drop(answer) == answer


@given(PLAIN, PLAIN)
def test_only_the_answer_is_left(thought: str, answer: str) -> None:
    assert thinking.drop(f"<think>{thought}</think>{answer}") == answer.lstrip()
    assert thinking.drop(answer) == answer
