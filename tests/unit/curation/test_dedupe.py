import random
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lectern.core.schema import Decision, Example
from lectern.curation import dedupe
from tests.support.made_up_rows import dialogue, row, sentence

LONG = sentence(*range(60))


def drop_near(
    rows: Sequence[Example], near: float = 0.8, ratings: Mapping[str, float] | None = None
) -> tuple[list[Example], list[Decision]]:
    return dedupe.drop_duplicates(rows, near=near, semantic=None, ratings=ratings or {})


def drop(*rows: Example, threshold: float = 0.8) -> tuple[list[str], list[str]]:
    kept, decisions = drop_near(rows, threshold)
    return [r.id for r in kept], [d.reason for d in decisions]


def test_the_same_words_are_an_exact_duplicate() -> None:
    first = row("Why a seed?", "Because runs differ.", start=1)
    again = row("why a SEED", "Because, runs differ!", item="talk-2", system="Be brief.")
    kept, decisions = drop_near([again, first], 0.8)
    # property: case, punctuation and system prompt make no new row; of equal answers the earliest is kept and named
    assert [r.id for r in kept] == [first.id]
    assert [(d.id, d.reason, d.kept_id, d.similarity) for d in decisions] == [
        (again.id, "exact_duplicate", first.id, 1.0)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_the_best_rated_of_a_cluster_is_kept(seed: int) -> None:
    said = [f"{LONG} {end}" for end in ("", "indeed so", "yes", "yes!", "of course it is")]
    rows = [row("Why?", answer, item=f"talk-{i}") for i, answer in enumerate(said)]
    draw = random.Random(seed)
    ratings = {r.id: draw.uniform(1, 5) for r in rows}
    kept, decisions = drop_near(rows, ratings=ratings)
    # property: neither a longer answer nor an earlier place wins over a better rating, of exact copies neither
    best = max(rows, key=lambda r: ratings[r.id])
    assert [r.id for r in kept] == [best.id]
    assert {d.kept_id for d in decisions} == {best.id}
    assert sorted(d.reason for d in decisions).count("exact_duplicate") == (best in rows[2:4])


def test_a_rated_row_is_kept_before_one_that_nobody_rated() -> None:
    rated, longer = row("Why?", LONG), row("Why?", f"{LONG} indeed", item="talk-2")
    # property: a low rating is better than none, and without any the longest answer stays
    assert drop_near([rated, longer], ratings={rated.id: -1.0})[0] == [rated]
    assert drop_near([rated, longer])[0] == [longer]


def test_a_copy_of_a_row_that_was_left_out_is_left_out_for_the_same_row() -> None:
    kept_row, near, copy = (
        row("Why?", t, item=f"t{i}") for i, t in enumerate((LONG + " yes", LONG, LONG + "!"))
    )
    kept, decisions = drop_near([copy, near, kept_row])
    # property: whatever a decision names was kept
    assert kept == [kept_row]
    assert [(d.reason, d.kept_id) for d in decisions] == [("near_duplicate", kept_row.id)] * 2


def test_one_changed_word_in_sixty_is_a_near_duplicate_and_the_longer_answer_stays() -> None:
    short = row("Why?", LONG, item="talk-1")
    longer = row("Why?", LONG + " indeed", item="talk-2")
    # property: the row with the longest answer is kept, wherever it stands
    assert drop(short, longer) == ([longer.id], ["near_duplicate"])
    assert drop(longer, short) == ([longer.id], ["near_duplicate"])


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.8, 0.9, 1.0])
def test_the_threshold_is_of_the_true_similarity(threshold: float) -> None:
    for changed in range(0, 60, 3):
        a = row("Why?", LONG)
        b = row("Why?", sentence(*range(60 - changed), *range(900, 900 + changed)), item="talk-2")
        similarity = dedupe.jaccard(*(dedupe.shingle(dedupe.turns(r)) for r in (a, b)))
        # property: a pair falls exactly when its Jaccard similarity reaches the threshold, not when a hash says so
        assert len(drop(a, b, threshold=threshold)[1]) == int(similarity >= threshold)


def test_similarity_is_that_of_the_word_triples() -> None:
    a, b = (dedupe.shingle([("user", sentence(*numbers))]) for numbers in ((1, 2, 3, 4, 5), (1, 2, 3, 4, 9)))
    # property: 2 shared triples (123, 234) of 4 in all
    assert dedupe.jaccard(a, b) == pytest.approx(2 / 4)


def test_a_question_is_no_answer() -> None:
    # property: the same words in other mouths are another row
    assert drop(row(LONG, "w1 w2"), row("w1 w2", LONG))[1] == []


def test_a_pair_is_no_copy_of_the_dialogue_it_was_taken_from() -> None:
    pair = row("Why?", LONG)
    whole = dialogue([("Why?", LONG), ("And then?", "w99")])
    shingles = [dedupe.shingle(dedupe.turns(r)) for r in (pair, whole)]
    # property: though nearly all words are shared, both are kept; two dialogues that alike are not
    assert dedupe.jaccard(*shingles) > 0.9
    assert drop(pair, whole)[1] == []
    assert drop(whole, dialogue([("Why?", LONG), ("And then?", "w98")], item="talk-2"))[1] == [
        "near_duplicate"
    ]


def test_a_dialogue_of_one_pair_is_that_pair() -> None:
    pair = row("Why?", LONG)
    # property: where all words are the same, the method makes no difference; the name of the method settles which stays
    kept, decisions = drop_near([dialogue([("Why?", LONG)]), pair], 0.8)
    assert [r.provenance.method for r in kept] == ["description_questions"]
    assert [d.method for d in decisions] == ["dialogue"]


@pytest.mark.parametrize(
    "text",
    [
        "Мы храним данные отдельно от кода и каждый раз записываем номер версии данных в журнал эксперимента",
        "我们把数据和代码分开保存并且每次实验都在日志里写下数据的版本号码这样以后可以再做一次",
        "เราเก็บข้อมูลแยกจากโค้ดและจดรุ่นของข้อมูลลงในบันทึกการทดลองทุกครั้ง",
    ],
)
def test_any_script_works(text: str) -> None:
    other = text[: len(text) // 2]
    # property: a copy with another ending falls, half of it does not
    assert drop(row("1?", text), row("1?", text + "!", item="b"))[1] == ["exact_duplicate"]
    assert drop(row("1?", text), row("1?", text[:-1], item="b"))[1] == ["near_duplicate"]
    assert drop(row("1?", text), row("1?", other, item="b"))[1] == []


def test_no_chain_of_small_steps_joins_unlike_rows() -> None:
    # Each row shares most words with the next, the first and the last share none.
    rows = [row("Why?", sentence(*range(i * 4, i * 4 + 60)), item=f"talk-{i:02}") for i in range(16)]
    kept, decisions = drop_near(rows, 0.8)
    by_id = {r.id: r for r in rows}
    # property: each dropped row is itself like the row that replaces it, and no two kept rows are alike
    assert len(kept) > 2
    for decision in decisions:
        pair = (dedupe.shingle(dedupe.turns(by_id[str(key)])) for key in (decision.id, decision.kept_id))
        assert dedupe.jaccard(*pair) >= 0.8
    assert drop_near(kept, 0.8)[1] == []


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.integers(0, 6), min_size=1, max_size=8), max_size=25), st.randoms())
def test_the_order_of_the_rows_does_not_matter(answers: list[list[int]], order: random.Random) -> None:
    rows = [row("Why?", sentence(*numbers), item=f"talk-{i}") for i, numbers in enumerate(answers)]
    shuffled = order.sample(rows, len(rows))
    # property: the same rows give the same kept rows and decisions, and none is lost
    assert drop_near(shuffled, 0.6) == drop_near(rows, 0.6)
    kept, decisions = drop_near(rows, 0.6)
    assert len(kept) + len(decisions) == len(rows)


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.8, 0.95, 1.0])
def test_the_index_hardly_ever_misses_a_pair_at_the_threshold(threshold: float) -> None:
    bands, rows = dedupe.bands(threshold)
    # property: the chance that such a pair is never looked at is at most one in ten thousand
    assert bands * rows <= dedupe.PERMUTATIONS
    assert (1 - threshold**rows) ** bands <= dedupe.MISSED


def test_rows_are_compared_with_those_that_may_be_alike_and_no_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared = 0
    jaccard = dedupe.jaccard

    def count(a: dedupe.Shingles, b: dedupe.Shingles) -> float:
        nonlocal compared
        compared += 1
        return jaccard(a, b)

    monkeypatch.setattr(dedupe, "jaccard", count)
    draw = random.Random(0)
    rows = [
        row("Why?", sentence(*(draw.randrange(5000) for _ in range(30))), item=f"t{i}") for i in range(1600)
    ]
    twin = row("Why?", rows[0].messages[1].content + " indeed", item="twin")
    kept, _ = drop_near([*rows, twin], 0.8)
    # property: the work grows with the rows and not with their square, and the one that is alike is found
    assert len(kept) == 1600
    assert 1 <= compared < 160
