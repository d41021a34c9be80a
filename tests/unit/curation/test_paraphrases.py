import random
from collections.abc import Sequence

import pytest

from lectern.core.schema import Decision, Example
from lectern.curation import dedupe, paraphrases
from lectern.models import embeddings
from lectern.text.contrasts import Contrasts
from tests.support.made_up_rows import dialogue, row
from tests.support.paraphrases import BURNING, LEASE, LICENCE, MEDIAN, SMOKE


def alike(*pairs: paraphrases.Pair, threshold: float = 0.75) -> set[tuple[int, int]]:
    every = range(len(pairs))
    found = paraphrases.Meanings(pairs, threshold).alike(every, every)
    return {(x, y) for x, others in found.items() for _, y in others if x < y}


def drop(
    rows: Sequence[Example], ratings: dict[str, float] | None = None
) -> tuple[list[Example], list[Decision]]:
    return dedupe.drop_duplicates(rows, near=0.8, semantic=0.75, ratings=ratings or {})


def test_paraphrases_are_alike_and_others_are_not() -> None:
    # property: both ways round, and nothing else
    assert alike(SMOKE, LEASE, BURNING, MEDIAN, LICENCE) == {(0, 2), (1, 4)}
    assert alike(BURNING, SMOKE) == {(0, 1)}


def test_the_similarity_is_the_lesser_one() -> None:
    q, a = (embeddings.embed([pair[i] for pair in (SMOKE, BURNING)]) for i in (0, 1))
    expected = min(float(v[0] @ v[1]) for v in (q, a))
    [(found, other)] = paraphrases.Meanings([SMOKE, BURNING], 0.75).alike([0], [0, 1])[0]
    # property: of the questions and the answers; rounded to four digits
    assert other == 1
    assert found == pytest.approx(expected, abs=6e-5)
    assert alike(SMOKE, BURNING, threshold=found) == {(0, 1)}
    assert alike(SMOKE, BURNING, threshold=found + 1e-4) == set()


CONTRARY = {
    "another answer": (SMOKE, (BURNING[0], MEDIAN[1])),
    "another number": (
        ("How long does the battery of the model last?", "About 10 hours of normal use."),
        ("How long does the battery last?", "About 16 hours of normal use in that model."),
    ),
    "another name": (
        (
            "Which gate does the flight to Oslo leave from?",
            "The flight leaves from the last gate on the left.",
        ),
        (
            "Which gate does the flight leave from for Rome?",
            "The flight leaves from the last gate to the left.",
        ),
    ),
    "another side of the same thing": (
        (
            "What are the key features of Apache Solr?",
            "Apache Solr has full-text search, faceting and replication.",
        ),
        (
            "What limitations does Apache Solr have?",
            "The full-text search of Apache Solr lacks joins and transactions.",
        ),
    ),
    "another thing": (
        ("Does the museum open on Sundays?", "Yes, it is open on Sundays from ten to six."),
        ("Does the library open on Sundays?", "Yes, it is open on Sundays from ten to six."),
    ),
    "the contrary": (
        ("What does the insurance cover abroad?", "All costs of treatment."),
        ("What does the insurance not cover abroad?", "All the costs of treatment."),
    ),
    "no and yes": (
        ("Must I register for the workshop?", "Yes, by Friday you must register for the workshop."),
        (
            "Is it required to register for the workshop?",
            "No, registering for the workshop by Friday is up to you.",
        ),
    ),
}


@pytest.mark.parametrize("name", CONTRARY)
def test_what_an_embedding_hardly_sees_is_seen(name: str) -> None:
    a, b = CONTRARY[name]
    # property: pairs that say different things are kept apart
    assert alike(a, b, threshold=0.6) == set()


@pytest.mark.parametrize("name", sorted(set(CONTRARY) - {"another answer"}))
def test_it_is_not_the_embedding_that_sees_it(name: str) -> None:
    first, second = (embeddings.embed(side) for side in zip(*CONTRARY[name], strict=True))
    # property: similarity alone would take them for the same, so that the test above can fail
    assert min(embeddings.similarity(v[:1], v[1:])[0] for v in (first, second)) > 0.6


COMPOST = (
    "What are the benefits of a compost heap in the garden?",
    "Better soil, less waste, and no need for fertiliser from the shop.",
)
AGAIN = (
    "What are the advantages of using a compost heap in the garden?",
    "Better soil and less waste, and there is no need to buy fertiliser in a shop.",
)


def test_where_answers_agree_another_word_for_the_same_does_not_keep_rows_apart() -> None:
    # property: benefits and advantages are no reason where all the rest is nearly the same
    assert paraphrases.is_filled_in_otherwise(COMPOST[0], AGAIN[0])
    assert alike(COMPOST, AGAIN, threshold=paraphrases.SURE) == {(0, 1)}


HERBS = (
    "What grows in the bed by the wall?",
    "The bed by the wall has sage, thyme, winter savory, rue and mint.",
)
APART = {
    "a longer list": (
        HERBS,
        ("What grows in the bed near the wall?", "The bed by the wall has sage, thyme, rue and mint."),
    ),
    "another thing in a list": (
        HERBS,
        (HERBS[0], "The bed by the wall has thyme, sage, summer savory, rue and mint."),
    ),
    "what is asked of the same": (
        ("Who founded the firm?", "The firm was founded by the two sisters after the great war."),
        ("When was the firm founded?", "The firm was founded by the two sisters after the great war."),
    ),
    "a number that both answers name": (
        ("Which rate applies to 500 crowns?", "From 500 to 800 crowns the rate is the low one."),
        ("Which rate applies to 800 crowns?", "From 500 to 800 crowns the rate is the low one."),
    ),
    "a name": (COMPOST, (COMPOST[0].replace("heap", "heap by Biolan"), COMPOST[1])),
    "a denial": (
        ("Should a compost heap stand in the shade?", COMPOST[1]),
        ("Should a compost heap not stand in the shade?", AGAIN[1]),
    ),
    "more": (
        ("Do you have any rooms with a balcony?", "Yes, some of our rooms have a balcony."),
        ("Do you have any rooms with a private balcony?", "Yes, some of our rooms have a private balcony."),
    ),
}


@pytest.mark.parametrize("name", APART)
def test_a_name_or_a_denial_keeps_even_the_most_similar_rows_apart(name: str) -> None:
    first, second = APART[name]
    alone = [float(v[0] @ v[1]) for v in (embeddings.embed(side) for side in zip(first, second, strict=True))]
    # property: one pair asks for or answers something that the other one does not, or the contrary
    assert min(alone) >= 0.85
    assert alike(first, second, threshold=0.85) == set()


def test_a_list_in_another_order_does_not_keep_rows_apart() -> None:
    other = (HERBS[0], "Mint, rue, winter savory, thyme and sage are in the bed by the wall.")
    # property: only the things count; a text that enumerates nothing is not compared with a list
    assert alike(HERBS, other, threshold=paraphrases.SURE) == {(0, 1)}
    assert not paraphrases.enumerate_otherwise(HERBS[1], "In the bed by the wall grow herbs and a rose.")


def test_answers_that_end_otherwise_are_not_the_same() -> None:
    # property: of two answers that share a long beginning, what only one of them says counts
    start = "The greatest number of guests in a room of the hotel "
    assert paraphrases.answer_another_thing(start + "is four persons.", start + "depends on the type.")
    assert not paraphrases.answer_another_thing(start + "is large.", start + "is big.")


def test_synonyms_in_the_same_sentence_do_not_keep_rows_apart() -> None:
    a, b = "Where can I buy a large ticket?", "Where can I purchase a big ticket?"
    # property: of two words in one place only the meaning counts
    assert not paraphrases.is_filled_in_otherwise(a, b)
    assert paraphrases.is_filled_in_otherwise(a, "Where can I lose a large ticket?")


def test_a_name_that_opens_a_sentence_is_a_word_like_others() -> None:
    # property: only a capital where none is due makes a name, and what both rows name is no difference
    said = ("Who asks?", "Rome was built by many. It took long, as Ann and NASA say.")
    assert paraphrases._name(said) == {"ann", "nasa"}
    assert not paraphrases.contradict(said, ("Who asks?", "Ann and Nasa say that Rome took long."))
    assert paraphrases.contradict(
        said, ("Who asks?", "As Bob says, it was many who made the town in a long time.")
    )


def test_words_that_a_corpus_sets_against_each_other() -> None:
    found = Contrasts(
        [
            "When is the lentil soup ready?",
            "When is the barley soup ready?",
            "When is the barley soup good?",
            "Where is the lentil soup ready?",
            "Is it ready?",
        ]
    )
    # property: words in one place of one sentence, but for those that fill any place
    assert found.between(["lentil", "ready"], ["barley", "good"]) == [("lentil", "barley"), ("ready", "good")]
    assert found.between(["when"], ["where"]) == []
    assert found.between(["lentil"], ["soup"]) == []


def test_what_the_corpus_keeps_apart_is_not_the_same_in_other_words() -> None:
    sage = (
        "Which soil does the sage like in a sunny place?",
        "A stony one. Mix in compost every second year.",
    )
    moved = (
        "What ground is best for the sage where it is windy?",
        "A stony one; mix in compost every second year.",
    )
    third = ("Which soil does the sage like in a windy place?", "A loamy one. Never let it dry out.")
    # property: two rows alone are taken for the same, a third one shows that sunny and windy are two things
    assert (0, 1) in alike(sage, moved, threshold=0.6)
    assert (0, 1) not in alike(sage, moved, third, threshold=0.6)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("Мы храним данные отдельно от кода.", "Мы не храним здесь никаких данных о людях."),
        ("我们把数据和代码分开保存。", "我们从来不保存任何个人数据。"),
    ],
)
def test_what_the_model_cannot_read_is_not_compared(a: str, b: str) -> None:
    # property: to an English model all texts of another script look alike; they are left alone
    assert not embeddings.is_readable(a)
    assert alike((a, a), (b, b), (a, b), threshold=0.3) == set()


def test_a_paraphrase_is_dropped_and_the_better_one_stays() -> None:
    first, again, other = (row(*pair, item=f"t{i}") for i, pair in enumerate((SMOKE, BURNING, MEDIAN)))
    kept, decisions = drop([first, again, other], {first.id: 4.0, again.id: 3.0})
    # property: the decision names the row that was kept, and how similar it is
    assert kept == [first, other]
    assert [(d.id, d.reason, d.kept_id) for d in decisions] == [(again.id, "semantic_duplicate", first.id)]
    assert 0.75 <= (decisions[0].similarity or 0) < 1
    # property: the rating decides which
    assert drop([first, again, other], {first.id: 3.0, again.id: 4.0})[0] == [again, other]


def test_dialogues_are_not_compared_by_meaning() -> None:
    rows = [dialogue([SMOKE, MEDIAN], "a"), dialogue([BURNING, MEDIAN], "b")]
    # property: a whole dialogue has no one meaning
    assert drop(rows)[1] == []


def test_no_meanings_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paraphrases, "embed", None)  # calling it would fail
    rows = [row(*SMOKE), row(*BURNING, item="talk-2")]
    # property: without a threshold nothing is embedded
    assert dedupe.drop_duplicates(rows, near=0.8, semantic=None, ratings={})[0] == rows


def test_neither_the_order_nor_the_size_of_the_blocks_matters(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = [SMOKE, BURNING, MEDIAN, LEASE, LICENCE, (SMOKE[0].upper(), SMOKE[1]), (BURNING[0], SMOKE[1])]
    rows = [row(*pair, item=f"t{i}") for i, pair in enumerate(pairs)]
    expected = drop(rows)
    assert [d.reason for d in expected[1]].count("semantic_duplicate") >= 2
    # property: the same rows and decisions, every row accounted for, nothing left that is alike
    for block in (1, 2, 3):
        monkeypatch.setattr(paraphrases, "BLOCK", block)
        monkeypatch.setattr(dedupe, "BLOCK", block)
        assert drop(random.Random(block).sample(rows, len(rows))) == expected
    assert len(expected[0]) + len(expected[1]) == len(rows)
    assert drop(expected[0]) == (expected[0], [])


def test_long_answers_without_words_in_common_are_not_the_same_and_short_ones_may_be() -> None:
    # property: of long answers a quarter of the shorter one's content words decides, whichever comes first
    def say(first: int, last: int) -> str:
        return " ".join(f"topic{number}" for number in range(first, last))

    assert not paraphrases.share_words(say(0, 120), say(100, 220))
    assert paraphrases.share_words(say(0, 120), say(90, 210))
    assert paraphrases.share_words(say(90, 210), say(0, 120))
    assert paraphrases.share_words(say(0, 90), say(100, 220))


def test_answers_are_embedded_only_where_a_pair_may_be_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    # property: an answer costs nothing if no other row has a similar question and, when long, words in common
    embedded: list[str] = []
    real = paraphrases.embed

    def watch(texts: Sequence[str]) -> object:
        embedded.extend(texts)
        return real(texts)

    monkeypatch.setattr(paraphrases, "embed", watch)
    asked = "How often should a small team test its backups?"
    long = [" ".join(f"{name}{number}" for number in range(120)) for name in ("amber", "birch", "cedar")]
    paraphrases.Meanings([(asked, long[0]), (asked, long[1]), ("Who sings?", long[2])], 0.75)
    assert not set(long) & set(embedded)
    paraphrases.Meanings(
        [(asked, long[0]), (f"{asked} Say.", f"{long[0]} more"), ("Who sings?", long[2])], 0.75
    )
    assert set(long) & set(embedded) == {long[0]}


def test_a_question_is_embedded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["Why fix a seed, and when?", "Where do old logs go?"]
    first = paraphrases.embed_questions(texts)
    monkeypatch.setattr(paraphrases, "embed", lambda texts: pytest.fail(f"embedded again: {texts}"))
    assert (paraphrases.embed_questions(texts[::-1]) == first[::-1]).all()
    assert paraphrases.embed_questions([]).shape == (0, embeddings.DIMENSIONS)


def test_whose_job_it_is_is_the_same_as_who_does_it_and_not_as_when_it_is_done() -> None:
    answer = "The seed keeper of the lab."
    asked = ("Who is responsible for closing the lab?", answer)
    assert not paraphrases.contradict(asked, ("Whose job is it to close the lab?", answer))
    assert paraphrases.contradict(asked, ("When is the lab closed?", answer))
