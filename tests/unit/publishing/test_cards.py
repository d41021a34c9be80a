"""Cards say what the pipeline knows, and nothing that others wrote acts in them."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from lectern.core import io
from lectern.core.errors import LecternError
from lectern.core.schema import Example, Message, Provenance, Source
from lectern.evaluation.answer_figures import FIGURES
from lectern.publishing import cards, consent, facts, layouts, markdown, writing
from lectern.publishing.facts import Voice
from lectern.settings.publish import Publish
from tests.settings import configure
from tests.support import expected, made_up_run, review_repo

CHOSEN = configure(
    Publish,
    model_repo="me/talks",
    dataset_repo="me/talks-data",
    licence="apache-2.0",
    dataset_licence="cc-by-4.0",
    language=["en"],
    summary="Talks about <seeds>.",
    consent={"*": "in writing, 2026-10-01"},
)


@pytest.fixture(scope="module")
def known(tuned: Path, tmp_path_factory: pytest.TempPathFactory) -> facts.Facts:
    folder = tmp_path_factory.mktemp("cards")
    shutil.copytree(tuned, folder / "repo")
    made_up_run.make(folder / "run", made_up_run.Run(judge="random"))
    for path in (folder / "run/metrics").glob("*.json"):
        shutil.copy(path, folder / "repo/metrics")
    return facts.gather(folder / "repo")


def test_the_model_card_has_the_pipeline_s_figures(known: facts.Facts) -> None:
    from huggingface_hub import ModelCard

    card = ModelCard(cards.write_model_card(known, CHOSEN, "tiny_llama"))
    scores = known.metrics["scores"]
    assert (card.data.license, card.data.base_model, card.data.language) == (
        "apache-2.0",
        "tiny_llama",
        ["en"],
    )
    results = {result.metric_type: result.metric_value for result in card.data.eval_results}
    assert results["nll"] == round(scores["tuned"]["nll"]["value"], 4)
    body = card.text
    assert markdown.escape("CC0-1.0") in body
    nll = scores["difference"]["nll"]
    low, high = (f"{nll[end]:.2f}".replace("-", "−") for end in ("low", "high"))
    assert f"{low} to {high}" in body
    assert f"On {nll['n']} held-out answers" in body
    assert "may be chance" in body
    assert "no better than chance, so no figure of it is given" in body
    assert f"{known.splits['train']} rows were trained on" in body
    assert "voices are known by a label only" in body
    assert "in writing, 2026" in body
    assert "that were measured were written with repetition_penalty 1.1." in body
    plain = {**known.params, "decoding": {**known.params["decoding"], "repetition_penalty": 1.0}}
    body = cards.write_model_card(replace(known, params=plain), CHOSEN, "tiny_llama")
    assert "that were measured were written by taking the most likely token each time." in body


def test_the_limits_name_the_figures_that_are_worse_and_those_that_may_be_chance(known: facts.Facts) -> None:
    scores, first = known.metrics["scores"], known.metrics["scores"]["difference"]["nll"]
    # a loss is better when it falls, and a share of words when it rises; the other figures have no difference
    changes = {"nll": (0.1, 0.4), "rougeL": (-0.1, 0.1), "rouge1": (0.1, 0.3), "repetition4": (0.2, 0.3)}
    difference = {
        key: {**first, "value": (low + high) / 2, "low": low, "high": high}
        for key, (low, high) in changes.items()
    }
    for n, few in ((99, True), (100, False)):
        tuned = scores["tuned"] | {"nll": scores["tuned"]["nll"] | {"n": n}}
        told = {"base": scores["base"], "tuned": tuned, "difference": difference}
        card = cards.write_model_card(
            replace(known, metrics={**known.metrics, "scores": told}), CHOSEN, "tiny_llama"
        )
        limits = [line.removeprefix("- ") for line in card.splitlines() if line.startswith("- ")]
        names = {key: FIGURES[key].name for key in changes}
        assert f"By these it is worse: {names['nll']}, {names['repetition4']}." in limits
        assert f"By these figures it may be no better than its base model: {names['rougeL']}." in limits
        told_few = " Few rows: the intervals are wide." if few else ""
        assert f"It was measured on {n} held-out answers.{told_few}" in limits


def test_licences_are_counted_with_the_most_rows_first(known: facts.Facts) -> None:
    given = [("b", 1.0, 2), (None, 0.5, 3), ("c", 0.0, 9), ("a", 0.0, 5), (" b ", 2.0, 3), ("", 0.0, 0)]
    sources = [
        replace(known.sources[0], licence=licence, hours=hours, rows=rows) for licence, hours, rows in given
    ]
    card = cards.write_model_card(replace(known, sources=sources), CHOSEN, "tiny_llama")
    table = card.partition("| licence | sources | hours | rows |\n")[2].partition("\n\n")[0]
    assert table.splitlines()[1:] == [
        "| c | 1 | 0.0 | 9 |",
        "| a | 1 | 0.0 | 5 |",
        "| b | 2 | 3.0 | 5 |",
        "| none named | 2 | 0.5 | 3 |",
    ]


def test_the_whole_cards(known: facts.Facts) -> None:
    expected.check("cards/model.md", cards.write_model_card(known, CHOSEN, "tiny_llama"))
    expected.check("cards/dataset.md", cards.write_dataset_card(known, CHOSEN, {"sharegpt": 2}))


def test_without_figures_it_says_so_and_makes_up_none(known: facts.Facts) -> None:
    from huggingface_hub import DatasetCard, ModelCard

    nothing = replace(
        known, metrics={name: {} for name in facts.METRICS}, runtime={}, revision="", sources=[]
    )
    body = ModelCard(cards.write_model_card(nothing, configure(Publish), "tiny_llama")).text
    for said in (
        "Not measured.",
        "It was not measured.",
        "No judge was asked.",
        "No git repository",
        "**not said**",
    ):
        assert said in body
    assert "Leaks between the splits were not measured." in body
    assert DatasetCard(
        cards.write_dataset_card(nothing, configure(Publish), {"messages": 0, "alpaca": 2})
    ).data.configs


HOSTILE = [
    "<script>alert(1)</script>",
    "[x](javascript:alert(1))",
    "![x](https://evil.example/pixel.png)",
    "https://evil.example <https://evil.example>",
    "a\n---\nlicense: mit\n# Head",
    "| a | b |\n|---|---|",
    "`${code}` {{ 7 * 7 }} {% raw %}",
    "&lt;b&gt; ../../etc/passwd me@evil.example",
    "x" * 5_000,
    "\u202eright to left\x1b[31m",
]


@pytest.mark.parametrize("said", HOSTILE)
def test_what_others_wrote_is_text(known: facts.Facts, said: str) -> None:
    from huggingface_hub import DatasetCard, ModelCard

    shown = replace(
        known,
        sources=[replace(known.sources[0], title=said, licence=said, kind=said)],
        voices=[Voice(said, ["talk-0000"], False)],
        methods={said: 1},
        revision=known.revision or "0" * 40,
    )
    chosen = replace(CHOSEN, summary=said, consent={"*": said})
    for written, card in (
        (cards.write_model_card(shown, chosen, said), ModelCard),
        (cards.write_dataset_card(shown, chosen, {"messages": 0, "alpaca": 0}), DatasetCard),
    ):
        read: Any = card(written)
        assert read.data.license in ("apache-2.0", "cc-by-4.0"), "nothing gets into the front matter"
        parser = MarkdownIt("commonmark", {"html": True}).enable("table")
        parts = [child for token in parser.parse(read.text) for child in [token, *(token.children or [])]]
        assert not {part.type for part in parts} & {"html_block", "html_inline", "image"}
        links = {part.attrGet("href") for part in parts if part.type == "link_open"}
        assert links <= {"https://dvc.org"}
        assert len(read.text) < 60_000
        heads = [part.content for part in parts if part.type == "inline" and part.content.startswith("Head")]
        assert not heads


@given(st.text(max_size=60))
def test_escaped_text_comes_out_as_one_line_of_itself(said: str) -> None:
    shown = markdown.escape(said)
    assert "\n" not in shown
    parsed = MarkdownIt("commonmark").parseInline(f"x{shown}x")[0].children or []
    assert {child.type for child in parsed} <= {"text", "text_special"}
    assert "".join(child.content for child in parsed) == f"x{markdown.one_line(said)}x"


def test_everybody_whose_words_are_published_has_to_have_agreed(known: facts.Facts) -> None:
    nobody = consent.list_missing(known, {})
    assert nobody == [voice.name for voice in known.voices]
    assert "speaker_1 of talk-0000" in nobody
    assert any(name.startswith("Title of paper-0000") for name in nobody)
    some = consent.list_missing(known, {"talk-0000": "yes", "speaker_1 of talk-0001": "yes"})
    assert some == [name for name in nobody if "talk-0000" not in name and name != "speaker_1 of talk-0001"]
    assert consent.list_missing(known, {"*": "all of them, in writing"}) == []
    with pytest.raises(ValueError, match="is empty"):
        configure(Publish, consent={"Ann": " "})


def test_a_source_without_a_licence_stands_against_a_push(known: facts.Facts) -> None:
    bare = replace(known, sources=[replace(known.sources[0], licence=None), *known.sources[1:]])
    assert consent.list_problems(known, CHOSEN) == []
    [problem] = consent.list_problems(bare, CHOSEN)
    assert "talk-0000" in problem or "paper-0000" in problem
    assert consent.list_problems(bare, replace(CHOSEN, unlicensed="allow")) == []
    assert len(consent.list_problems(known, configure(Publish, consent=CHOSEN.consent))) == 1


def test_a_text_is_its_author_s(tmp_path: Path) -> None:
    review_repo.make(tmp_path, recordings=1, documents=2)
    path = tmp_path / "data/raw/paper-0000/item.json"
    source = io.read_json(path, Source)
    io.write_json(path, source.model_copy(update={"author": "A. Writer"}))
    io.write_json(
        tmp_path / "data/raw/paper-0001/item.json",
        source.model_copy(update={"item": "paper-0001", "url": "https://garden.example/a"}),
    )
    found = {voice.name for voice in facts.gather(tmp_path).voices if not voice.nameless}
    assert found == {"A. Writer", "garden.example"}


roles = st.lists(st.sampled_from(["system", "user", "assistant"]), min_size=1, max_size=6)
said = st.text(min_size=1, max_size=20).filter(str.strip)


@given(roles.flatmap(lambda found: st.tuples(*(st.tuples(st.just(role), said) for role in found))))
def test_layouts_lose_nothing_of_what_they_hold(chat: tuple[tuple[Any, str], ...]) -> None:
    messages = [
        *(Message(role=role, content=content) for role, content in chat),
        Message(role="user", content="?"),
    ]
    row = Example.of([*messages, Message(role="assistant", content="!")], Provenance(item="x", method="y"))
    assert layouts.to_messages(row)["messages"] == [message.model_dump() for message in row.messages]
    assert from_sharegpt(layouts.to_sharegpt(row)) == row.messages
    alpaca = layouts.to_alpaca(row)
    alternate = [m.role for m in row.messages if m.role != "system"] == ["user", "assistant"] * (
        len(row.messages) // 2
    )
    systems = [at for at, m in enumerate(row.messages) if m.role == "system"]
    assert (alpaca is not None) == (alternate and systems in ([], [0]))
    if alpaca is not None:
        assert from_alpaca(alpaca) == row.messages


@pytest.mark.parametrize("layout", layouts.LAYOUTS)
def test_a_layout_is_read_by_the_datasets_library(tuned: Path, tmp_path: Path, layout: str) -> None:
    from datasets import load_dataset

    layouts.write(tuned / "data/splits", tmp_path / "out")
    files = {
        split: str(tmp_path / f"out/{layout}/{split}.jsonl") for split in ("train", "validation", "test")
    }
    read = load_dataset("json", data_files=files, cache_dir=str(tmp_path / "cache"))
    rows = io.read_jsonl(tuned / "data/splits/train.jsonl", Example)
    assert [row["id"] for row in read["train"]] == [row.id for row in rows]


def test_writing_needs_the_splits_and_says_how_to_get_them(tmp_path: Path) -> None:
    review_repo.make(tmp_path)
    (tmp_path / "data/splits/train.jsonl").unlink()
    with pytest.raises(LecternError, match=r"train\.jsonl does not exist\. Run `dvc repro`"):
        writing.write(tmp_path, tmp_path / "out")


def test_the_cards_are_the_same_for_the_same_facts(tuned: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        writing.write(tuned, tmp_path / name)
    for path in sorted((tmp_path / "one").rglob("*.*")):
        assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes()
    assert json.loads((tmp_path / "one/dataset/messages/train.jsonl").read_text().splitlines()[0])["id"]


def from_sharegpt(row: Mapping[str, Any]) -> list[Message]:
    """The messages again, as a reader of the layout takes them."""
    roles: dict[str, Any] = {theirs: ours for ours, theirs in layouts.TO_SHAREGPT.items()}
    return [Message(role=roles[turn["from"]], content=turn["value"]) for turn in row["conversations"]]


def from_alpaca(row: Mapping[str, Any]) -> list[Message]:
    """The messages again, as a reader of the layout takes them."""
    system = [Message(role="system", content=row["system"])] if row["system"] else []
    pairs = [*row["history"], [row["instruction"], row["output"]]]
    return system + [
        Message(role=role, content=text)  # type: ignore[arg-type]
        for pair in pairs
        for role, text in zip(("user", "assistant"), pair, strict=True)
    ]
