"""What becomes of drawn talk is committed case by case: its speakers, its sentences, its rows and its passages."""

import random
from typing import Any

from lectern.conversations import dividing, housekeeping, roles, summary, word_speakers
from lectern.conversations.roles import Cast
from lectern.core.schema import Chapter, Conversation, Role, SpeakerTurn, Word
from lectern.examples import description_questions, dialogue, examples
from lectern.passages import lecture
from lectern.settings.converse import RoleRule
from lectern.settings.examples import Examples
from lectern.settings.housekeeping import Housekeeping
from tests.settings import configure, defaults
from tests.support import expected

SAID = (
    "Why do we fix the seed?",
    "Because chance is drawn anew in each run, and nobody can tell a change from luck.",
    "Right.",
    "And what about the data?",
    "You hash the files.",
    "Next question please.",
    "Tell me how many runs you would do before you believe a result?",
    "Three is the least.",
    "So it is a matter of patience",
    "Is that so?",
    "It is, and five are better than three, since the mean is surer.",
    "Welcome to the show!",
    "(a) Where do logs go? (b) Who reads them?",
    "Mm.",
    "Do you write it down",
    "They are kept in a folder which is named by the day on which they were made.",
)
NAMES = ("Ada", "speaker_1", "Joe", "Host")


def draw_talk(draw: random.Random) -> tuple[list[Word], list[SpeakerTurn]]:
    words: list[Word] = []
    turns: list[SpeakerTurn] = []
    at = 0.0
    for _ in range(draw.randrange(6, 24)):
        start = at
        for text in draw.choice(SAID).split():
            length = draw.choice([0.2, 0.3, 0.6])
            words.append(Word(text=text, start=round(at, 2), end=round(at + length, 2)))
            at += length + draw.choice([0.0, 0.05, 0.9 if draw.random() < 0.1 else 0.0])
        shift = draw.choice([0.0, 0.0, -0.4, 0.5])
        speaker = draw.choice(NAMES)
        if at + shift > start and draw.random() < 0.95:
            turns.append(
                SpeakerTurn(
                    speaker=speaker, start=round(max(0.0, start + shift), 2), end=round(at + shift, 2)
                )
            )
        at += draw.choice([0.0, 0.3, 2.0])
    return words, turns


def tell(draw: random.Random) -> tuple[Conversation, dict[str, Any]]:
    """A conversation of drawn talk, and what was found on the way to it."""
    words, turns = draw_talk(draw)
    settled = word_speakers.settle_turns(words, turns, "en", 0.5)
    labels = word_speakers.attribute_words(words, settled, 0.5)
    heard = [label for label in dict.fromkeys(labels) if label != "unknown"]
    cast = Cast(
        heard,
        roles.measure(settled),
        {"Ada": "Ada Noon"},
        {"guest": ["ada noon"]},
        ("Joe",),
        roles.count_questions(words, labels),
    )
    rules = [RoleRule("host", draw.choice(["regular", "asks_most", "label", "first_voice"]))]
    rules += [RoleRule("guest", "metadata"), RoleRule("main", "most_speech")]
    given, idle = roles.assign(cast, rules, "guest", {})
    kept = [draw.random() < 0.97 for _ in words]
    told = Conversation(
        item="talk",
        title="T",
        url="https://example.org/v?id=7",
        language="en",
        duration=words[-1].end + 1,
        description="0:00 Intro\n0:04 Why sleep?\n0:12 (a) Where? (b) Who?\n0:24 - And then?\n9:00 Late?",
        chapters=[Chapter(start=0, end=9, title="Why the seed?"), Chapter(start=9, end=30, title="Q&A")],
        utterances=word_speakers.join_utterances(words, labels, kept, {"Ada": "Ada Noon"}, given),
    )
    return told, {"settled": settled, "idle": idle, "names": roles.name_by_role(cast, given), "given": given}


def test_speakers_and_their_sentences() -> None:
    found: dict[str, Any] = {}
    for case in range(60):
        told, way = tell(random.Random(case))
        words = [word for utterance in told.utterances for word in utterance.words]
        pieces = dividing.divide(words, "en", least=8, most=24, openings=[5.0, 12.0])
        found[str(case)] = {"told": told, **way, "pieces": [[word.text for word in one] for one in pieces]}
    expected.check_many("drawn/speakers.json", found)


def test_rows_of_a_talk() -> None:
    found: dict[str, Any] = {}
    rules = defaults(Housekeeping)
    parts = [{}, {"parts": "apart"}, {"max_answer_words": 20, "go_on": "Go on."}, {"chapter_titles": "all"}]
    for case in range(40):
        told, _ = tell(random.Random(case))
        kept = housekeeping.remove(told, rules.rules, rules.max_words)
        options = configure(Examples, **parts[case % len(parts)]).options()
        made: dict[str, Any] = {"kept": [len(kept.conversation.utterances), kept.removals, kept.words]}
        for name, method in examples.QUESTIONS.items():
            one = method(kept.conversation, **options[name])
            made[name] = [one.examples, one.dropped, one.details]
        one = dialogue.make_examples(kept.conversation)
        found[str(case)] = {**made, "dialogue": [one.examples, one.dropped]}
    expected.check_many("drawn/rows.json", found)


def test_passages_of_a_lecture() -> None:
    found: dict[str, Any] = {}
    for case in range(24):
        draw = random.Random(case)
        told, _ = tell(draw)
        role: Role = "main"
        alone = [one.model_copy(update={"role": role, "speaker": "Ada"}) for one in told.utterances]
        talk = told.model_copy(update={"utterances": alone if case % 3 else told.utterances})
        found[str(case)] = lecture.cut(
            talk,
            lambda texts: [len(text.split()) for text in texts],
            min_share=0.6,
            least=12,
            most=40,
            overlap=case % 3,
        )
    expected.check_many("drawn/lectures.json", found)


def test_where_stamps_of_a_description_lead() -> None:
    found: dict[str, Any] = {}
    for case in range(24):
        told, _ = tell(random.Random(1000 + case))
        draw = random.Random(case)
        stamps = sorted(draw.randrange(60) for _ in range(4))
        form = draw.choice(["0:{:02} {}", "{1} (0:{0:02})", "[00:00:{:02}] {}", "{1}\n0:{0:02}"])
        lines = [form.format(at, draw.choice(SAID)) for at in stamps]
        described = told.model_copy(update={"description": "\n".join(lines)})
        made = description_questions.make_examples(
            described, min_answer_words=2, max_answer_words=None, max_shift=3.0, parts="together"
        )
        found[str(case)] = [made.examples, made.dropped, made.details]
    expected.check_many("drawn/stamps.json", found)


def test_what_is_told_of_all_talks() -> None:
    found: dict[str, Any] = {}
    for number in (0, 1, 5, 6, 30):
        draw = random.Random(number)
        facts = {
            f"talk-{n}": {
                "near_misses": [
                    {
                        "speaker": "speaker_1",
                        "name": "Ada",
                        "similarity": 0.5 + n / 100,
                        "reason": "below the threshold",
                    }
                ],
                "voices_of_other_models": n % 3,
                "asks": {"host": draw.randrange(4), "guest": draw.randrange(7), "main": n % 2},
                "ready": draw.choice([{}, {"speakers": 0, "cues": 3}, {"speakers": 2, "doubtful_labels": 4}]),
                "kind": draw.choice(["media", "podcast"]),
                "seconds": 1000.0 + n,
                "idle_rules": {"host: label": n % 2},
                "cut_words": {"advert": n},
                "roles": {"host": 1},
                "corrections": {"rename": n % 2},
                "voices": {"speaker_1": "Ada"},
                **{
                    name: n
                    for name in ("words", "unknown_words", "ghost_words", "turns_without_words", "utterances")
                },
            }
            for n in range(number)
        }
        found[str(number)] = {
            "near": summary.list_near_misses(facts),
            "reversed": summary.list_reversed(facts),
            "unnamed": summary.list_unnamed(facts),
            "all nameless": summary.list_unnamed({n: {"ready": {"speakers": 0}} for n in facts}),
            "all reversed": summary.list_reversed({n: {"asks": {"guest": 2, "host": 1}} for n in facts}),
            "total": summary.summarise(facts, 2, number),
        }
    expected.check_many("drawn/talks.json", found)
