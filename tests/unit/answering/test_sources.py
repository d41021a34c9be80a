"""Contestants that answer with the passages that a search found."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from lectern.answering import questions
from lectern.answering.questions import Ask
from lectern.answering.sources import Sources
from lectern.core.schema import Example, Found, Provenance, Retrieved
from lectern.models.generation import Row
from lectern.settings.comparators import Comparator
from lectern.settings.retrieval import Retrieval
from tests.settings import configure
from tests.support import answering_server
from tests.support.generating import DIALOGUE, SINGLE, read, run
from tests.support.tiny import TINY

BOTH = configure(Retrieval, contestants=["base", "tuned"], passages=2)
OTHER = Comparator(model=replace(TINY, name="tiny_other", seed=1))


def passage(text: str, start: float) -> Found:
    where = Provenance(item="talk", start=start, end=start + 9, method="turn", url="https://example.org/?t=1")
    return Found(id=text[:16], text=text, provenance=where, score=0.02, ranks={"bm25": 1})


FOUND = [passage(f"Somebody counted to {n} aloud.", 10.0 * n) for n in range(3)]


def looked_up(*examples: Example, found: list[Found] = FOUND) -> list[Retrieved]:
    asks = [Ask.of(example) for example in examples]
    return [Retrieved(set=ask.set, id=ask.id, query="?", found=found) for ask in asks]


def test_contestants_answer_with_and_without_passages(
    tmp_path: Path, adapter: Path, loaded: list[str]
) -> None:
    rows = [*SINGLE[:2], DIALOGUE]
    told = run(tmp_path, adapter, rows, retrieval=BOTH, retrieved=looked_up(*rows))
    assert told.startswith("base 3, tuned 3, base+sources 3, tuned+sources 3")
    assert len(loaded) == 1, "one model answers for all four"
    for name in ("base", "tuned"):
        plain, sourced = read(tmp_path, name), read(tmp_path, f"{name}+sources")
        assert [row.sources for row in plain] == [[], [], []]
        for without, row in zip(plain, sourced, strict=True):
            assert [where.start for where in row.sources] == [0.0, 10.0], "the two best, with their seconds"
            assert (row.id, row.messages, row.reference) == (without.id, without.messages, without.reference)
            assert row.tokens == without.tokens, "the same tokens of the reference, so that figures compare"
            assert row.nll != without.nll, "the passages stood in the prompt"
    about = json.loads((tmp_path / "generation.json").read_text())
    assert about["contestants"]["tuned+sources"] == {**about["contestants"]["tuned"], "sources": True}
    assert about["skipped"] == {}


def test_only_the_named_kinds_answer_with_passages(tmp_path: Path, adapter: Path) -> None:
    only = replace(BOTH, contestants=["model"])
    run(
        tmp_path, adapter, SINGLE[:1], retrieval=only, retrieved=looked_up(SINGLE[0]), others={"other": OTHER}
    )
    assert sorted(path.stem for path in (tmp_path / "out").glob("[!_.]*.jsonl")) == [
        "base",
        "other",
        "other+sources",
        "tuned",
    ]


def test_a_question_that_found_nothing_is_asked_as_it_is(tmp_path: Path, adapter: Path) -> None:
    run(tmp_path, adapter, SINGLE[:1], retrieval=BOTH, retrieved=looked_up(SINGLE[0], found=[]))
    (plain,), (sourced,) = read(tmp_path, "base"), read(tmp_path, "base+sources")
    assert sourced == plain


def test_the_bytes_are_those_of_a_clean_run(tmp_path: Path, adapter: Path) -> None:
    run(tmp_path / "a", adapter, SINGLE[:2])
    run(tmp_path / "a", adapter, SINGLE[:2], retrieval=BOTH, retrieved=looked_up(*SINGLE[:2]))
    run(tmp_path / "b", adapter, SINGLE[:2], retrieval=BOTH, retrieved=looked_up(*SINGLE[:2]))
    for file in (tmp_path / "b/out").iterdir():
        assert file.read_bytes() == (tmp_path / "a/out" / file.name).read_bytes()
    run(tmp_path / "a", adapter, SINGLE[:2])
    assert not (tmp_path / "a/out/base+sources.jsonl").exists()


def prepared(tokenizer: Any, template: str, ask: Ask, context_length: int) -> tuple[Row, list[str]]:
    """The row of a question, and its passages."""
    sources = Sources.choose(looked_up(DIALOGUE, SINGLE[0]), "sources", 3, 99)
    made = questions.prepare(
        [ask], tokenizer, template, context_length=context_length, max_new_tokens=8, sources=sources
    )
    (row,) = made.rows
    return row, [one.text for one in made.shown[ask.key]]


def test_passages_that_rank_last_are_left_out_where_the_context_is_short(
    tokenizer: Any, template: str
) -> None:
    ask = Ask.of(DIALOGUE)
    whole, shown = prepared(tokenizer, template, ask, 9999)
    assert shown == [one.text for one in FOUND]
    limit = len(whole.prompt) + 8
    assert prepared(tokenizer, template, ask, limit)[1] == shown
    shorter, fewer = prepared(tokenizer, template, ask, limit - 1)
    assert fewer == shown[:2]
    assert len(shorter.prompt) < len(whole.prompt)
    plain = questions.prepare([ask], tokenizer, template, context_length=9999, max_new_tokens=8).rows[0]
    none, nothing = prepared(tokenizer, template, ask, len(plain.prompt) + 8)
    assert (none.prompt, nothing) == (plain.prompt, []), "the passages go before any turn does"


def test_a_served_contestant_gets_the_passages_too(tmp_path: Path, adapter: Path) -> None:
    only = replace(BOTH, contestants=["endpoint"])
    with answering_server.serve() as server:
        others = {"gpt": Comparator(endpoint=server.endpoint())}
        run(tmp_path, adapter, SINGLE[:1], retrieval=only, retrieved=looked_up(SINGLE[0]), others=others)
    (plain,), (sourced,) = read(tmp_path, "gpt"), read(tmp_path, "gpt+sources")
    assert "Somebody counted" not in plain.prediction
    assert "Somebody counted to 0 aloud." in sourced.prediction, "the server repeats what it is asked"
    assert [where.start for where in sourced.sources] == [0.0, 10.0]
