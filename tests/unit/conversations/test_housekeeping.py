"""What runs an event goes, what is said stays, and every removal is counted."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from lectern.conversations.housekeeping import remove
from lectern.core import params
from lectern.core.errors import LecternError
from lectern.settings.housekeeping import Housekeeping, HousekeepingRule
from lectern.text.sentences import join_words
from tests.settings import configure
from tests.unit.examples.test_examples import HOST, MAIN, talk

SHIPPED = params.parse(
    OmegaConf.load("conf/housekeeping/english.yaml"), Housekeeping, "conf/housekeeping/english.yaml"
)


def left(text: str, rules: Housekeeping = SHIPPED, role: str = HOST) -> tuple[str, dict[str, int]]:
    kept = remove(talk((role, text), (MAIN, "end")), rules.rules, rules.max_words)
    said = [join_words(u.words) for u in kept.conversation.utterances[:-1]]
    return " ".join(said), dict(kept.removals)


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        ("Next question, please.", "next_question"),
        ("Okay, let's take one more question from the audience.", "next_question"),
        ("Any more questions?", "any_questions"),
        ("Please come forward.", "come_forward"),
        ("Could you come up to the microphone, please?", "come_forward"),
        ("Please speak into the mic.", "microphone"),
        ("Sir, wait for the microphone.", "microphone"),
        ("Is this on?", "is_it_on"),
        ("Can you hear me now?", "can_you_hear"),
        ("Hello, can everybody hear me in the back?", "can_you_hear"),
        ("Sorry, I can't hear you.", "cannot_hear"),
        ("Could you speak a bit louder, please?", "speak_up"),
        ("Could you repeat the question, please?", "repeat_that"),
        ("Please tell us your name.", "say_your_name"),
        ("Please raise your hand.", "raise_hand"),
        ("Please have a seat.", "sit_down"),
        ("You're on mute.", "muted"),
        ("Please mute yourselves.", "unmute"),
        ("Can you see my screen?", "see_screen"),
        ("We have time for one more question.", "out_of_time"),
    ],
)
def test_the_shipped_rules_take_out_housekeeping(said: str, rule: str) -> None:
    # Property: whoever says it, and whatever stands around it, the sentence goes and nothing else does.
    for role in (HOST, MAIN):
        assert left(said, role=role) == ("", {rule: 1})
        assert left(f"Thanks, Joe! {said} Why do we sleep?", role=role) == (
            "Thanks, Joe! Why do we sleep?",
            {rule: 1},
        )


@pytest.mark.parametrize(
    "said",
    [
        "The next question is why we sleep at all.",
        "Why did nobody come forward when the king died?",
        "Many people came forward to help.",
        "The microphone was invented in 1877.",
        "I speak into a microphone for a living.",
        "Can you hear the difference between the two?",
        "God can hear us.",
        "Is this the right way to live?",
        "Do you have any questions about your own life that keep you awake?",
        "The question of time is one that we never have time for.",
        "My second question is about dreams.",
        "Please tell us your story.",
        "Please tell us the name of your first teacher.",
        "He would repeat the experiment.",
    ],
)
def test_the_shipped_rules_leave_what_is_meant(said: str) -> None:
    assert left(said) == (said, {})


def test_a_long_sentence_stays_whatever_matches() -> None:
    rules = configure(Housekeeping, max_words=5, rules=[HousekeepingRule("all", "one .+")])
    assert left("One two three four five. One two three four five six.", rules) == (
        "One two three four five six.",
        {"all": 1},
    )


def test_a_rule_for_utterances_needs_nothing_else_said() -> None:
    rules = configure(Housekeeping, rules=[HousekeepingRule("yes", "yes( please)?", "utterance")])
    assert left("Yes, please.", rules) == ("", {"yes": 1})
    assert left("Yes. I sleep.", rules) == ("Yes. I sleep.", {})


def test_no_word_is_lost_without_being_counted() -> None:
    # Property: words in = words out + words counted, and times and speakers of what stays are untouched.
    conversation = talk((HOST, "Can you hear me? Why sleep? Next question."), (MAIN, "Sit down. To rest."))
    kept = remove(conversation, SHIPPED.rules, SHIPPED.max_words)
    before = [w for u in conversation.utterances for w in u.words]
    after = [w for u in kept.conversation.utterances for w in u.words]
    assert len(before) == len(after) + kept.words
    assert sum(kept.removals.values()) == 3
    assert all(word in before for word in after)


@pytest.mark.parametrize(
    ("rules", "names"),
    [
        (
            [{"name": "broken", "pattern": "next (question"}],
            ["broken", "next (question", "regular expression"],
        ),
        ([{"name": "greedy", "pattern": ".*"}], ["greedy", "matches where nothing is said"]),
        ([{"name": "x", "pattern": "x", "scope": "page"}], ["'x'", "page", "utterance"]),
        ([{"name": "x", "pattern": "x"}, {"name": "x", "pattern": "y"}], ["'x'", "name"]),
        ([{"pattern": "x"}], ["name"]),
    ],
)
def test_a_bad_rule_is_named_with_its_file(
    rules: list[dict[str, str]], names: list[str], tmp_path: Path
) -> None:
    OmegaConf.save(
        {"housekeeping": {"name": "mine", "max_words": 12, "rules": rules}}, tmp_path / "params.yaml"
    )
    with pytest.raises(LecternError) as caught:
        params.load("housekeeping", Housekeeping, tmp_path / "params.yaml")
    for name in [*names, "conf/housekeeping/mine.yaml"]:
        assert name in str(caught.value)


def test_no_shipped_rule_takes_long_on_hostile_words() -> None:
    # Property: a sentence is at most max_words long, so even nested repetition ends at once.
    for words in ("so " * 11 + "x.", "please just " * 6, "speak a bit a little " * 3):
        assert left(words.strip())[1] == {}
