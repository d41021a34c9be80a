"""Where long speech is cut. The talks of the demo say which sentences belong together."""

import itertools
import random
from pathlib import Path

import pytest

from lectern.conversations.dividing import choose_cuts, divide
from lectern.core.schema import Word
from lectern.examples.description_questions import make_examples
from lectern.examples.rows import Asked, divide_answer
from lectern.text.sentences import join_words, split_sentences
from tests.unit.examples.test_examples import HOST, MAIN, read_truth, talk


def spoken(text: str, begin: float = 0.0) -> list[Word]:
    return [Word(text=token, start=begin + i, end=begin + i + 0.8) for i, token in enumerate(text.split())]


@pytest.mark.parametrize(
    ("language", "sentences"),
    [
        (
            "en",
            [
                "Dr. Smith left the U.S. in 1991.",
                "He paid Rs. 3.5 lakh, i.e. all.",
                "Why?",
                "It's 5 p.m. now.",
            ],
        ),
        ("ru", ["Пришёл г. Иванов.", "Почему?"]),
        ("zh", ["为什么要睡觉？", "因为累。"]),
        ("es", ["El Sr. García vino.", "¿Por qué?", "No sé."]),
        ("xx", ["One.", "Two!"]),
    ],
)
def test_sentences_end_where_a_reader_ends_them(language: str, sentences: list[str]) -> None:
    words = spoken(" ".join(sentences))
    assert [join_words(sentence) for sentence in split_sentences(words, language)] == sentences


def test_speech_without_punctuation_is_cut_at_its_silences() -> None:
    # Property: no piece is above the limit, every word is in one, and a pause decides before the middle does.
    words = [*spoken("a " * 14), *spoken("b " * 16, 20.0), *spoken("c " * 10, 36.2)]
    pieces = split_sentences(words, "en", longest=16)
    assert [join_words(piece)[0] for piece in pieces] == ["a", "b", "c"]
    for longest in (1, 2, 3, 7, 39, 40):
        pieces = split_sentences(words, "en", longest=longest)
        assert max(map(len, pieces)) <= longest
        assert [word for piece in pieces for word in piece] == words


def brute_force(lengths: list[int], costs: list[float], least: int, most: int) -> float:
    places, best = range(1, len(lengths)), float("inf")
    for n in range(len(lengths)):
        for chosen in itertools.combinations(places, n):
            sizes = [sum(lengths[a:b]) for a, b in itertools.pairwise([0, *chosen, len(lengths)])]
            if max(sizes) <= most:
                best = min(best, sum(costs[i] for i in chosen) + 2.0 * sum(size < least for size in sizes))
    return best


def test_the_cuts_are_the_cheapest_there_are() -> None:
    # Property: no other division within the length costs less (all are tried).
    draw = random.Random(0)
    for _ in range(60):
        lengths = [draw.randint(1, 9) for _ in range(draw.randint(1, 9))]
        costs = [round(draw.random(), 3) for _ in lengths]
        cuts = choose_cuts(lengths, costs, 5, 12)
        sizes = [sum(lengths[a:b]) for a, b in itertools.pairwise(cuts)]
        assert max(sizes) <= 12
        cost = sum(costs[i] for i in cuts[1:-1]) + 2.0 * sum(size < 5 for size in sizes)
        assert cost == pytest.approx(brute_force(lengths, costs, 5, 12))


def test_a_short_answer_is_one_piece() -> None:
    words = spoken("One two. Three four.")
    assert divide(words, "en", least=1, most=4) == [words]
    assert divide([], "en", least=1, most=4) == []


@pytest.mark.parametrize("most", [40, 60, 100])
def test_every_word_is_in_one_piece_and_pieces_end_with_sentences(most: int) -> None:
    conversation, _ = read_truth(Path("data/sources/demo/talk-01-seeds.truth.json"))
    words = [word for u in conversation.utterances if u.role == "main" for word in u.words]
    pieces = divide(words, "en", least=most // 4, most=most)
    assert [word for piece in pieces for word in piece] == words
    assert all(len(piece) <= most for piece in pieces)
    assert all(piece[-1].text.endswith(".") for piece in pieces)


def test_a_long_answer_is_divided_where_the_topic_turns() -> None:
    # Property: where the vocabulary changes, and only words that all topics share go on, there the cut is.
    draw = random.Random(5)
    shared = ["the", "and", "of", "we", "so", "is", "it", "then"]
    hits = 0
    for _ in range(30):
        lengths = [draw.randint(6, 9), draw.randint(6, 9)]
        sentences = [
            draw.sample([f"{topic}{n}" for n in range(10)], 4) + draw.sample(shared, 4)
            for topic, length in zip(("cat", "dog"), lengths, strict=True)
            for _ in range(length)
        ]
        words = spoken(" ".join(" ".join(draw.sample(s, 8)).capitalize() + "." for s in sentences))
        pieces = divide(words, "en", least=20, most=round(0.8 * len(words)))
        hits += [len(piece) for piece in pieces] == [8 * length for length in lengths]
    assert hits >= 27


def test_a_follow_up_inside_is_where_an_answer_is_divided_and_goes_into_the_question() -> None:
    first, second = "I sleep at night. It is dark then.", "I nap at noon. It is hot then."
    words = [*spoken(first), *spoken(second, 20.0)]
    asked = [Asked(10.0, 19.0, "And do you nap?")]
    pieces = divide_answer("When do you sleep?", words, "en", 12, asked)
    assert [(piece.question, join_words(piece.words)) for piece in pieces] == [
        ("When do you sleep?", first),
        ("When do you sleep? And do you nap?", second),
    ]
    assert [p.question for p in divide_answer("When?", words, "en", None, asked)] == ["When?"]
    assert {p.question for p in divide_answer("When?", words, "en", 8)} == {"When?"}


def test_a_question_before_the_answer_draws_no_cut_into_it() -> None:
    # Property: what was asked before the first word changes nothing, since the whole answer follows it.
    words = spoken("I sleep at night. I sleep well at night. At night I sleep. A dog eats meat.", 20.0)
    for openings in ([], [10.0], [20.0]):
        assert [len(piece) for piece in divide(words, "en", least=4, most=13, openings=openings)] == [13, 4]


def test_a_divided_answer_is_a_chat_that_knows_its_seconds() -> None:
    # Property: no later piece answers the question again; the chat holds every word, its link opens at the first.
    text = " ".join(f"This is sentence number {i}." for i in range(10))
    conversation = talk((HOST, "Why do we sleep?"), (MAIN, text), description="0:00 Why sleep?")
    made = make_examples(conversation, min_answer_words=1, max_answer_words=20, go_on="Go on.", max_shift=3)
    (row,) = made.examples
    assert made.details == {"divided": 1, "later_pieces": len(row.messages) // 2 - 1}
    asked, answers = ([m.content for m in row.messages[n::2]] for n in (0, 1))
    assert asked == ["Why sleep?", *["Go on."] * (len(answers) - 1)]
    assert len(answers) >= 3
    assert max(len(answer.split()) for answer in answers) <= 20
    assert " ".join(answers) == text
    assert (row.provenance.start, row.provenance.end) == (4, 4 + 50 - 0.2)
    assert row.provenance.url == "https://example.org/v?id=7&t=4"


def test_without_words_to_go_on_with_later_pieces_are_left_out() -> None:
    text = " ".join(f"This is sentence number {i}." for i in range(10))
    conversation = talk((HOST, "Why do we sleep?"), (MAIN, text), description="0:00 Why sleep?")
    made = make_examples(conversation, min_answer_words=1, max_answer_words=20, go_on=None, max_shift=3)
    (row,) = made.examples
    assert text.startswith(row.messages[1].content)
    assert made.details["later_pieces"] >= 2
    assert row.provenance.end == 4 + len(row.messages[1].content.split()) - 0.2
