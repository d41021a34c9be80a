import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectern.core.errors import LecternError
from lectern.evaluation import likeness
from lectern.evaluation.likeness import Likeness, Said, Scored
from lectern.text.function_words import find_endings, mask_topic
from lectern.text.words import words
from tests.support.hands import HANDS, TOPICS, write

POOL = 100


def talks(hand: str, topics: Sequence[str], items: Sequence[str], sentences: int = 3) -> list[Said]:
    return [
        Said(item, text)
        for number, item in enumerate(items)
        for text in write(hand, topics[number % len(topics)], 60 // sentences, item, sentences)
    ]


ITEMS = [f"talk-{number}" for number in range(6)]


@pytest.fixture(scope="module")
def learned() -> Likeness:
    """Both sides speak of both topics."""
    both = list(TOPICS)
    return likeness.learn(talks("hers", both, ITEMS), talks("theirs", both, ITEMS), pool_words=POOL)


@pytest.fixture(scope="module")
def confounded() -> Likeness:
    """She speaks of the sea only, and the others of bread only: whoever follows the topic errs below."""
    return likeness.learn(
        talks("hers", ["sea"], ITEMS),
        talks("theirs", ["bread"], [f"other-{item}" for item in ITEMS]),
        pool_words=POOL,
    )


def score(learned: Likeness, answers: Sequence[str]) -> float:
    found = learned.score(answers)
    assert found is not None
    return found


def test_unseen_talks_are_told_apart_and_the_interval_is_over_talks(learned: Likeness) -> None:
    unseen = [f"unseen-{number}" for number in range(12)]
    own, others = (learned.score_pools(talks(hand, list(TOPICS), unseen)) for hand in HANDS)
    area = likeness.auc(own, others)

    # property: planted hands differ much, and pools count, not answers
    assert area.value > 0.99
    assert area.low is not None
    assert area.low > 0.95
    assert area.n == len(own) + len(others) < 24 * 20


def test_another_hand_on_her_topic_is_not_taken_for_her(confounded: Likeness) -> None:
    # property: the hand decides, though in training the topic told the sides apart just as well
    assert score(confounded, write("theirs", "sea", 20, "unseen")) < 0
    assert score(confounded, write("hers", "bread", 20, "unseen")) > 0
    # property: her own topic adds hardly anything
    near, far = (score(confounded, write("hers", topic, 20, "unseen")) for topic in ("sea", "bread"))
    assert abs(near - far) < 0.2 * min(near, far)
    # property: the words of the two topics, without a sentence around them, are one and the same
    bare = [score(confounded, [" ".join((nouns + adjectives) * 20)]) for nouns, adjectives in TOPICS.values()]
    assert bare[0] == bare[1]


def test_another_hand_of_the_same_length_and_a_longer_one_of_hers(learned: Likeness) -> None:
    # property: answers as long as hers by another hand stay on the other side
    assert score(learned, write("theirs", "sea", 40, "unseen", 2)) < 0
    # property: her answers stay on her side, be they of one sentence or of thirty
    short, long = (
        score(learned, write("hers", "sea", 90 // sentences, "unseen", sentences)) for sentences in (1, 30)
    )
    assert min(short, long) > 0
    assert abs(short - long) < 0.2 * short


def test_a_pure_difference_of_length_is_not_learned() -> None:
    # One hand writes both sides; only the length of the answers differs, by a factor of fifteen.
    ours = talks("hers", list(TOPICS), ITEMS, 1)
    theirs = talks("hers", list(TOPICS), [f"other-{item}" for item in ITEMS], 15)
    found = likeness.learn(ours, theirs, pool_words=POOL)
    unseen = [f"unseen-{number}" for number in range(12)]
    own = found.score_pools(talks("hers", list(TOPICS), unseen, 1))
    others = found.score_pools(talks("hers", list(TOPICS), [f"other-{item}" for item in unseen], 15))
    area = likeness.auc(own, others)

    # property: no better than chance, and nobody is called sure
    assert area.low is not None
    assert area.high is not None
    assert area.low <= 0.5 <= area.high
    assert max(abs(one.log_odds) for one in own + others) < 1


def test_asking_does_not_count(learned: Likeness) -> None:
    answers = write("hers", "sea", 20, "unseen")
    asking = [f"However, may this be of use? {answer} Which of these should it be?" for answer in answers]
    # property: a host's questions between the answers change nothing
    assert learned.score(asking) == learned.score(answers)


def test_form_does_not_count(learned: Likeness) -> None:
    answers = write("theirs", "bread", 20, "unseen")
    dressed = [f"**{answer.upper()}**\n\n- ..." for answer in answers]
    # property: capitals, Markdown and punctuation are the transcriber's or the template's
    assert learned.score(dressed) == learned.score(answers)


def test_a_pool_needs_its_words(learned: Likeness) -> None:
    exactly = ["well " * (POOL - 1), "well"]
    # property: None for less than a pool, of whatever it consists
    assert learned.score(exactly) is not None
    assert learned.score(["well " * (POOL - 1)]) is None
    assert learned.score([]) is None
    assert learned.score(["What? " * POOL, "!!!"]) is None
    # property: a single answer can be put in order, if it has a word
    hers, theirs = (learned.rank(write(hand, "sea", 1, "unseen")[0]) for hand in HANDS)
    assert hers is not None
    assert theirs is not None
    assert hers > theirs
    assert learned.rank("Why?") is None


def test_probability_is_that_of_the_log_odds() -> None:
    assert likeness.probability(0) == 0.5
    assert likeness.probability(np.log(3)) == pytest.approx(0.75)
    assert 0 <= likeness.probability(-1e4) < likeness.probability(1e4) <= 1


def test_the_same_from_the_same_texts(learned: Likeness) -> None:
    both = list(TOPICS)
    again = likeness.learn(talks("hers", both, ITEMS), talks("theirs", both, ITEMS), pool_words=POOL)
    answers = write("hers", "sea", 20, "unseen")
    assert again.score(answers) == learned.score(answers)
    assert (again.slope, again.offset) == (learned.slope, learned.offset)


@pytest.mark.parametrize("others", [[], [Said("talk-0", "")], [Said("talk-0", "Why? **")]])
def test_nobody_to_compare_with(others: list[Said]) -> None:
    with pytest.raises(LecternError, match=r"no other text was given\. Give the base model's answers"):
        likeness.learn(talks("hers", ["sea"], ITEMS), others)


@pytest.mark.parametrize("items", [ITEMS[:1], ITEMS[:0]])
def test_one_row_or_none_to_learn_from(items: list[str]) -> None:
    row = talks("hers", ["sea"], items)[:1]
    with pytest.raises(LecternError, match=r"There are \d+ words in [01] items of the speaker") as error:
        likeness.learn(row, talks("theirs", ["sea"], ITEMS), pool_words=POOL)
    # property: the message names the remedy
    assert "Add items, or lower the number of words of a pool." in str(error.value)


def test_one_talk_is_not_learned_from_and_calibrated_on() -> None:
    with pytest.raises(LecternError, match="in 1 items of the speaker"):
        likeness.learn(talks("hers", ["sea"], ["talk"]), talks("theirs", ["sea"], ["talk"]), pool_words=POOL)


def test_a_pool_has_words() -> None:
    with pytest.raises(ValueError, match="at least one word"):
        likeness.learn([], [], pool_words=0)


def test_a_script_without_spaces_is_told_by_its_common_characters() -> None:
    ends = {"hers": ["なんですよね。", "だと思うんですよ。"], "theirs": ["である。", "とされるのである。"]}

    def say(hand: str, nouns: str, items: Sequence[str]) -> list[Said]:
        draw = random.Random(f"{hand} {nouns} {items}")
        return [
            Said(
                item,
                "".join(
                    f"{draw.choice(nouns)}は{draw.choice(nouns)}{draw.choice(ends[hand])}" for _ in range(40)
                ),
            )
            for item in items
        ]

    found = likeness.learn(say("hers", "海船波港", ITEMS), say("theirs", "粉窯麦塩", ITEMS), pool_words=POOL)

    # property: the endings decide, and not the nouns, which are masked whole
    assert score(found, [one.text for one in say("theirs", "海船波港", ["unseen"])]) < 0
    assert score(found, [one.text for one in say("hers", "粉窯麦塩", ["unseen"])]) > 0
    assert not set("海船波港粉窯麦塩") & found.kept


def test_words_of_a_topic_are_masked() -> None:
    said = words("We baked 12 loaves in Kyoto, an odd oven.")
    assert mask_topic(said, {"we", "in", "an"}, {"ed", "es", "to", "en", "dd"}) == [
        "we",
        "*ed",
        "#",
        "*es",
        "in",
        "*to",
        "an",
        "*",
        "*en",
    ]
    assert mask_topic(words("波は"), {"は"}) == ["*", "は"]
    # property: an ending stays only where many words have it
    assert mask_topic(said, {"we"}, {"ed"})[:2] == ["we", "*ed"]
    assert mask_topic(said, {"we"})[:2] == ["we", "*"]
    assert find_endings(["baked", "baked", "fried", "rested", "oven", "red"], 3) == {"ed"}


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 30)), max_size=8),
    st.integers(1, 12),
)
def test_pools_have_equal_length_and_lose_less_than_one(drawn: list[tuple[str, int]], size: int) -> None:
    said = [
        Said(item, " ".join(f"{item}{number}x{n}" for n in range(count)))
        for number, (item, count) in enumerate(drawn)
    ]
    found = likeness.pools(said, size)
    total = sum(count for _, count in drawn)
    used = [word for pool in found for word in pool.words]

    # property: exactly `size` words each, no word twice, and less than a pool is lost
    assert all(len(pool.words) == size for pool in found)
    assert len(set(used)) == len(used)
    assert 0 <= total - len(used) < size
    # property: a pool carries the item of its first word
    assert all(pool.words[0].startswith(pool.item) for pool in found)


@given(
    st.lists(st.integers(-5, 5), min_size=1, max_size=20),
    st.lists(st.integers(-5, 5), min_size=1, max_size=20),
)
def test_the_area_is_that_of_scikit_learn(own: list[int], others: list[int]) -> None:
    from sklearn.metrics import roc_auc_score

    sides = [[Scored(str(n), float(score)) for n, score in enumerate(side)] for side in (own, others)]
    known = roc_auc_score([1] * len(own) + [0] * len(others), own + others)
    assert likeness.auc(*sides, resamples=10).value == pytest.approx(known)


def test_many_scores_are_grouped_with_little_loss() -> None:
    from sklearn.metrics import roc_auc_score

    draw = np.random.default_rng(0)
    own, others = draw.normal(0.5, 1, 2000), draw.normal(0, 1, 2000)
    sides = [[Scored(str(n), float(score)) for n, score in enumerate(side)] for side in (own, others)]
    known = roc_auc_score([1] * 2000 + [0] * 2000, np.concatenate([own, others]))
    assert likeness.auc(*sides, resamples=10).value == pytest.approx(known, abs=0.001)


def test_the_area_of_one_side_is_not_defined() -> None:
    assert np.isnan(likeness.auc([Scored("a", 1.0)], []).value)
    assert np.isnan(likeness.auc([], []).value)
