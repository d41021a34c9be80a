import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectern.text import evidence

LOGS = (
    "Logs show what a ser-\nvice did, step by step. “Don’t delete them,” the well-\nknown guide says… A file "
    "(1,000 lines) costs 3.5 cents. Its price doubles each year. Now here is the end."
)
MENU = "Die Straße ist naïve ﬁne Prosa. 日志显示服务做了什么。 Почему журналы важны?"


@pytest.mark.parametrize(
    "quote",
    [
        "Logs show what a service did, step by step.",
        "logs show what a ser-\nvice did",
        "LOGS  show\nwhat a “service” did",
        '"Don\'t delete them", the well-known guide says',
        "the well known guide says ... A file (1,000 lines)",
        "Logs show what … costs 3.5 cents",
        "... costs 3.5 cents ...",
        "them, the well-known guide says... A file",
        "[Logs show what a service did] [...] Its price doubles.",
    ],
)
def test_what_a_model_changes_in_copying_does_not_matter(quote: str) -> None:
    assert evidence.find(quote, evidence.read(LOGS))


@pytest.mark.parametrize(
    "quote",
    [
        "Logs show what the service did",  # another word
        "Logs show what service did",  # one left out
        "Logs never show what a service did",  # one put in
        "A file (1,000 lines) costs 35 cents",
        "A file costs 3.5 cents",
        "costs 3.5 cents ... Logs show what",  # parts in the wrong order
        "Logs show what ... show what a service",  # parts that overlap
        "Nowhere is the end",  # other words of the same letters
        "step bystep",
        "ogs show what a serv",  # parts of words
        "",
        "...",
        "?!",
    ],
)
def test_changed_words_are_no_evidence(quote: str) -> None:
    assert evidence.find(quote, evidence.read(LOGS)) == []


@pytest.mark.parametrize(
    ("quote", "cited"),
    [
        ("die strasse ist naïve fine", "Die Straße ist naïve ﬁne"),
        ("显示服务", "显示服务"),
        ("почему ЖУРНАЛЫ важны", "Почему журналы важны?"),
        ("die Straße ... журналы важны", "Die Straße ... журналы важны?"),
    ],
)
def test_any_script_is_found_and_cited_in_the_words_of_the_text(quote: str, cited: str) -> None:
    assert evidence.cite(evidence.find(quote, evidence.read(MENU)), MENU) == cited


@pytest.mark.parametrize("quote", ["a ser-vice", "step", "Logs ... did ... them"])
def test_words_that_stand_anywhere_by_chance_bear_nothing_out(quote: str) -> None:
    text = evidence.read(LOGS)
    assert evidence.find(quote, text, 1)
    assert evidence.find(quote, text, 4) == []


def test_what_two_quotes_share_is_cited_once() -> None:
    text = evidence.read(LOGS)
    spans = [s for quote in ("price doubles each", "its price doubles") for s in evidence.find(quote, text)]
    assert evidence.cite(spans, LOGS) == "Its price doubles each"


@given(st.data())
def test_every_stretch_of_words_is_found_whatever_stands_around_them(data: st.DataObject) -> None:
    # property: a quote in other case, with other spaces and other punctuation is found where it was taken from
    tokens = data.draw(
        st.lists(st.sampled_from(["log", "Logs", "a", "straße", "日", "3", "c++"]), min_size=1)
    )
    gaps = data.draw(
        st.lists(st.sampled_from([" ", "\n", ", ", " – "]), min_size=len(tokens), max_size=len(tokens))
    )
    text = "".join(token + gap for token, gap in zip(tokens, gaps, strict=True))
    begin = data.draw(st.integers(0, len(tokens) - 1))
    end = data.draw(st.integers(begin + 1, len(tokens)))
    found = evidence.find(" ".join(tokens[begin:end]).upper(), evidence.read(text))
    assert found
    # and what is cited is evidence itself
    assert evidence.find(evidence.cite(found, text), evidence.read(text))
