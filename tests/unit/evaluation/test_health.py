from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectern.core.schema import Episode, EpisodeTurn
from lectern.evaluation import copying, health
from lectern.text.words import words

TRAINED = copying.index(["we keep every reading of every station in one place", "and so on and on"], 5)
SETTINGS = {"copied": TRAINED, "resamples": 200, "confidence": 0.95, "seed": 0}


def episode(name: str, *turns: str, ended: str = "turns", cut: tuple[int, ...] = ()) -> Episode:
    """An opening with a stray tag and a copied run, which must not count, and the turns after it, guest first."""
    opening = "Host: [INST] we keep every reading of every station"
    spoken = [
        EpisodeTurn(role="host" if n % 2 else "guest", text=text, finished=n not in cut)
        for n, text in enumerate(turns)
    ]
    first = EpisodeTurn(role="host", text=opening, finished=True)
    return Episode.model_validate({"id": name, "opening": opening, "turns": [first, *spoken], "ended": ended})


def test_variety_of_a_text_counted_by_hand() -> None:
    found = health.measure("The cat sat. The cat sat on the cat; the cat sat on it.")

    # property: 14 words of 5 kinds; 13 pairs, of which the-cat (4), cat-sat (3) and sat-on (2) come again
    assert (found.words, found.distinct1) == (14, 5 / 14)
    assert found.distinct2 == pytest.approx(7 / 13)
    # property: 11 runs of four words, of which `the cat sat on` and no other comes twice
    assert (found.fourgrams, found.repeated_fourgrams) == (11, 1)


@given(st.lists(st.sampled_from("abc"), max_size=20))
def test_variety_in_its_bounds(said: list[str]) -> None:
    found = health.measure(" ".join(said))

    # property: shares lie above 0 and at most at 1, and are left out where there is nothing to share
    assert (found.distinct1 is None) == (not said)
    assert (found.distinct2 is None) == (len(said) < 2)
    assert all(share is None or 0 < share <= 1 for share in (found.distinct1, found.distinct2))
    # property: a text said twice over repeats all of its runs, and a repeated run is a run
    assert 0 <= found.repeated_fourgrams <= found.fourgrams == max(len(said) - 3, 0)
    assert health.measure(" ".join(said * 2)).repeated_fourgrams >= found.fourgrams


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("[INST] What now? [/INST] Nothing.", 2),
        ("Yes.</s><s>[INST] Why?", 3),
        ("<|im_end|>\n<|im_start|>user\nAnd then?", 2),
        ("Right. <|start_header_id|>user<|end_header_id|>", 2),
        ("So.<end_of_turn>\n<start_of_turn>user", 2),
        ("I see.\nHost: And you?\nGuest: Me too.", 2),
        ("**Speaker 1:** Hello", 1),
        ("SPEAKER_00: Hello", 1),
        ("question: why? answer: because", 1),
        ("The host: a person who asks. I have a question: why?", 0),
        ("a < b, x[1] and <b>bold</b> | pipes |", 0),
        ("", 0),
    ],
)
def test_role_tags(text: str, tags: int) -> None:
    # property: control tokens count anywhere, speakers' names only where a line begins with them
    assert health.count_role_tags(text) == tags


def test_an_episode_counted_by_hand() -> None:
    one = episode(
        "a",
        "Yes.",
        "Why do we keep every reading of every station?",
        "Because [/INST]",
        "Thanks for listening",
        ended="closing",
        cut=(2,),
    )
    found = health.measure_episode(one, TRAINED.measure)

    # property: of everything the opening, which was given, is left out
    assert found.turns == 4
    assert found.words == len(
        words("yes why do we keep every reading of every station because inst thanks for listening")
    )
    assert found.host_words == 12
    assert (found.role_tags, found.one_word_turns, found.unfinished_turns) == (1, 1, 1)
    assert (found.copied_words, found.longest_copy) == (7, 7)
    assert found.closed


def test_no_run_of_words_goes_from_one_turn_into_the_next() -> None:
    apart = episode("a", "one two", "three four", "one two", "three four")
    again = episode("b", "one two three four", "one two three four")

    # property: repetition over the whole episode counts runs that were said, not those that two turns make
    assert health.measure_episode(apart, TRAINED.measure).variety.fourgrams == 0
    assert health.measure_episode(again, TRAINED.measure).variety.repeated_fourgrams == 1


def test_the_figures_are_ratios_of_sums_and_the_difference_is_paired() -> None:
    base = [episode(str(n), "so it goes on and on", "[INST] I", cut=(0,)) for n in range(8)]
    tuned = [
        episode(str(n), "one two three", "four five six", "seven", ended="closing") for n in range(7, -1, -1)
    ]
    found = health.summarise_episodes(base, tuned, **SETTINGS)

    assert (found["episodes"], found["confidence"], found["resamples"]) == (8, 0.95, 200)
    # property: shares are of all turns or words together; the opening counts nowhere
    values = {name: found["base"][name]["value"] for name in found["base"]}
    assert values["turns"] == 2
    assert values["role_tags"] == 0.5
    assert values["unfinished_turns"] == 0.5
    assert values["host_share"] == 0.25
    assert values["copied_share"] == 0
    assert values["closed"] == 0
    assert found["tuned"]["one_word_turns"]["value"] == pytest.approx(1 / 3, abs=1e-6)
    # property: difference = tuned minus base, over the openings that both have, whatever their order
    assert found["difference"]["closed"] == {"value": 1, "low": 1, "high": 1, "n": 8}
    assert found["difference"]["turns"]["value"] == 1
    # property: what nothing measures is left out: no tuned turn has four words
    assert "repetition4" in found["base"]
    assert "repetition4" not in found["tuned"]
    assert "repetition4" not in found["difference"]
    assert set(found["base"]) == set(health.FIGURES)


def test_the_figures_do_not_depend_on_what_the_episodes_are_called() -> None:
    said = [" ".join(["so it goes"] * length) for length in (1, 9, 2, 14, 3, 1, 30, 5)]

    def summarise(form: str) -> dict[str, Any]:
        one = [episode(form.format(number), text) for number, text in enumerate(said)]
        return health.summarise_episodes(one, one[::-1], **SETTINGS)

    # property: so few are drawn by their places, which must not be those of a set, whose order is any
    assert len({str(summarise(form)) for form in ("{:02}", "a{:02}", "{:02}b", "c{:02}c")}) == 1


def test_only_openings_of_both_count_and_none_is_no_error() -> None:
    one, other = episode("a", "so it is"), episode("b", "so it is not")

    # property: without an episode in common there is no figure, and no failure
    assert health.summarise_episodes([], [], **SETTINGS) == {"episodes": 0}
    assert health.summarise_episodes([one], [other], **SETTINGS) == {"episodes": 0}
    found = health.summarise_episodes([one, other], [other], **SETTINGS)
    # property: one episode gives values and no interval
    assert found["base"]["words"] == {"value": 4, "low": None, "high": None, "n": 1}


def test_an_episode_in_which_nothing_was_said() -> None:
    silent = episode("a", ended="empty")
    found = health.summarise_episodes([silent], [silent], **SETTINGS)

    # property: shares of no turns and no words are left out rather than divided by nothing
    assert set(found["base"]) == {"turns", "words", "longest_copy", "closed"}
    assert found["base"]["turns"]["value"] == 0
