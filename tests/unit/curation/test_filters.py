from pathlib import Path

import pytest
from omegaconf import OmegaConf

from lectern.core.errors import LecternError
from lectern.core.schema import Example
from lectern.curation import filters
from lectern.settings.housekeeping import HousekeepingRule
from tests.support.made_up_rows import dialogue, row, sentence

BOUNDS = {
    "min_answer_words": 2,
    "max_answer_words": 5,
    "min_question_words": 2,
    "max_question_words": 4,
}


@pytest.mark.parametrize(
    ("question", "answer", "reason"),
    [
        (2, 2, None),
        (4, 5, None),
        (1, 3, "short_question"),
        (5, 3, "long_question"),
        (3, 1, "short_answer"),
        (3, 6, "long_answer"),
    ],
)
def test_bounds_of_length_are_inclusive(question: int, answer: int, reason: str | None) -> None:
    made = row(sentence(*range(question)), sentence(*range(answer)))
    kept, dropped = filters.by_length([made], **BOUNDS)
    # property: a row at a bound stays, one word more or less names the side that broke it
    assert kept == ([] if reason else [made])
    assert [d.reason for d in dropped] == ([reason] if reason else [])


def test_no_bound_no_limit_and_dialogues_are_long_by_nature() -> None:
    long = row(sentence(*range(99)), sentence(*range(999)))
    whole = dialogue([("Hi", "Hi"), (sentence(*range(99)), sentence(*range(999)))])
    # property: None bounds nothing, and dialogues pass any bound
    assert filters.by_length([long], **dict.fromkeys(BOUNDS)) == ([long], [])
    assert filters.by_length([whole], **BOUNDS) == ([whole], [])


SAID = {
    "en": "Why does the same code give another result? Because chance enters in many places.",
    "de": "Warum liefert derselbe Code ein anderes Ergebnis? Weil der Zufall an vielen Stellen mitspielt.",
    "fr": "Pourquoi le même code donne-t-il un autre résultat ? Parce que le hasard intervient partout.",
    "ru": "Почему один и тот же код даёт другой результат? Потому что случай вмешивается во многих местах.",
    "zh": "为什么同样的代码每次给出不同的结果？因为很多地方都有随机性，比如初始的权重和数据的顺序。",
}


def rows_of(said: dict[str, str]) -> list[Example]:
    halves = {name: text.replace("？", "?").split("?", 1) for name, text in said.items()}
    return [row(question, answer, item=name) for name, (question, answer) in halves.items()]


@pytest.mark.parametrize("wanted", [["en"], ["de", "zh"], ["ru"]])
def test_rows_in_other_languages_are_dropped_by_name(wanted: list[str]) -> None:
    rows = rows_of(SAID)
    kept, dropped = filters.by_language(rows, languages=wanted)
    # property: what is kept is what was asked for, and each decision says which language was found
    assert [r.provenance.item for r in kept] == [name for name in SAID if name in wanted]
    assert {d.item: (d.detail or "")[:2] for d in dropped} == {n: n for n in SAID if n not in wanted}
    assert {d.reason for d in dropped} == {"language"}


def test_who_cannot_be_told_stays() -> None:
    rows = [
        row("Was?", "Nein."),
        row("git push", "git push origin main && make"),
        row("2 + 2", "4"),
        row("?", "!"),
    ]
    # property: short texts, code and numbers are in no language
    assert filters.by_language(rows, languages=["en"]) == (rows, [])


def test_no_language_named_keeps_all() -> None:
    # property: an empty list is no filter
    assert filters.by_language(rows_of(SAID), languages=[]) == (rows_of(SAID), [])


def test_an_unknown_language_is_an_error_that_names_it() -> None:
    # property: a misspelt code does not silently drop every row
    with pytest.raises(LecternError, match=r"curate\.languages has 'english'.* en "):
        filters.by_language(rows_of(SAID), languages=["english", "de"])


RULES = [
    HousekeepingRule("next", "next question( please)?"),
    HousekeepingRule("thanks", "thank you", scope="utterance"),
]


@pytest.mark.parametrize(
    ("made", "detail"),
    [
        (row("Next question, please!", "So the seed is a number."), "question: next"),
        (row("What is a seed?", "Thank you."), "answer: thanks"),
        (row("What is the next question, please?", "A seed, thank you."), None),
        (row("Next question please: a seed?", "Thank you, a number."), None),
        (dialogue([("Next question!", "A number."), ("Next question please.", "A file.")]), "question: next"),
        (dialogue([("Next question!", "A number."), ("What is a seed?", "A number.")]), None),
    ],
)
def test_what_is_nothing_but_housekeeping_falls(made: Example, detail: str | None) -> None:
    kept, dropped = filters.by_housekeeping([made], RULES, 12)
    # property: the whole question or answer must match, of a dialogue all of them
    assert kept == ([] if detail else [made])
    assert [(d.reason, d.detail) for d in dropped] == ([("housekeeping", detail)] if detail else [])


def test_what_is_longer_than_housekeeping_stays() -> None:
    made = row("Next question please", "It is a number.")
    # property: max_words counts, whatever a rule matches
    assert filters.by_housekeeping([made], RULES, 2) == ([made], [])
    assert filters.by_housekeeping([made], RULES, 3)[0] == []


def test_the_shipped_rules_leave_questions_and_answers_alone() -> None:
    shipped = OmegaConf.load(Path(__file__).parents[3] / "conf/housekeeping/english.yaml")
    rules = [HousekeepingRule(**rule) for rule in shipped.rules]
    rows = [
        row("Can you hear the difference?", "Yes."),
        row("Is the next question harder?", "No, all are alike."),
    ]
    small_talk = row("Can you hear me now?", "Is this on?")
    # property: they fit the type, drop small talk, and nothing that asks something
    assert filters.by_housekeeping([*rows, small_talk], rules, shipped.max_words)[0] == rows
