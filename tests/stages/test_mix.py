"""The stage `mix` in a folder: which general rows it draws, which it leaves out, and what `render` makes of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from lectern.core import io
from lectern.core.errors import LecternError
from lectern.core.schema import GeneralRow, Question, TokenRow
from lectern.models import loading
from lectern.settings.mix import Mix
from lectern.settings.render import Render
from stages import mix, render
from tests.settings import configure
from tests.support.tiny import TINY, example

HELD_OUT = example(
    "How long does a hard wheel of cheese ripen?", "Ten months in the cellar, and not a day less."
)
EVAL = Question(question="Which salt eats the steel of a bridge?", answer="The salt on the road.")
GENERAL = {"question": "What is two plus three?", "answers": ["five", "5"]}
PASSAGE = "The white whale came up beside the boat, and the men were too afraid to lift an oar or to cry out."
TEXT = "A sentence stands here, and it has exactly ten words. " * 30


def write(folder: Path, trained: int = 6) -> Path:
    """A folder with splits, an evaluation set, general text, and an empty data/mix."""
    splits = {
        "train": [example(f"Who is {n}?", f"{n} is {n}.") for n in range(trained)],
        "validation": [],
        "test": [HELD_OUT],
    }
    for name, rows in splits.items():
        io.write_jsonl(folder / f"splits/{name}.jsonl", rows)
    io.write_jsonl(folder / "evals/people.jsonl", [EVAL])
    io.write_jsonl(folder / "general/questions.jsonl", [GENERAL])
    io.write_jsonl(
        folder / "general/passages.jsonl", [{"id": "a", "domain": "b", "source": "c", "text": PASSAGE}]
    )
    io.write_jsonl(
        folder / "general/refusals.jsonl", [{"request": "Please help me to rob the bank next door."}]
    )
    (folder / "mix").mkdir()
    return folder


def run(
    folder: Path, share: float, files: list[str], words: int = 20, seed: int = 0
) -> tuple[str, list[GeneralRow]]:
    chosen = configure(Mix, share=share, files=files, words=words, seed=seed)
    parts = [folder / name for name in ("mix", "splits", "evals", "general", "mixed/rows.jsonl")]
    told = mix.main(chosen, 0.8, *parts)
    return told, io.read_jsonl(parts[-1], GeneralRow)


def write_pairs(folder: Path, number: int, *more: dict[str, Any]) -> None:
    pairs = [
        {"instruction": f"Name the number after {n}, please.", "output": f"It is {n + 1}."}
        for n in range(number)
    ]
    io.write_jsonl(folder / "mix/pairs.jsonl", [*pairs, *more])


def test_every_known_form_of_a_table_and_a_text_is_read(tmp_path: Path) -> None:
    folder = write(tmp_path, trained=40)
    (folder / "mix/a.csv").write_text("Prompt;Response\nWhat is tea?;A drink.\nNo answer here;\n")
    chat = [{"from": "human", "value": "Hello?"}, {"from": "gpt", "value": "Hello."}]
    (folder / "mix/b.jsonl").write_text(json.dumps({"conversations": chat}) + "\n{broken\n")
    (folder / "mix/c.json").write_text(json.dumps([{"instruction": "Add", "input": "1, 2", "output": "3"}]))
    (folder / "mix/d.txt").write_text(TEXT)
    told, rows = run(folder, 0.5, ["a.csv", "b.jsonl", "c.json", "d.txt"], words=45)
    said = {row.provenance.item: [one.content for one in row.messages] for row in rows if row.messages}
    assert said == {
        "a.csv": ["What is tea?", "A drink."],
        "b.jsonl": ["Hello?", "Hello."],
        "c.json": ["Add\n\n1, 2", "3"],
    }
    texts = [row for row in rows if row.text]
    # whole sentences, as few as have 45 words: five of ten
    assert {len((row.text or "").split()) for row in texts} == {50}
    assert all((row.text or "").endswith("words.") for row in texts)
    assert told == f"{len(rows)} general rows of 4, beside 40 of the corpus", "a text that repeats is one row"


def test_the_share_is_that_of_all_rows_and_a_larger_one_draws_some_more(tmp_path: Path) -> None:
    folder = write(tmp_path, trained=60)
    write_pairs(folder, 90)
    drawn = {share: run(folder, share, ["pairs.jsonl"])[1] for share in (0.1, 0.25, 0.5)}
    assert {share: len(rows) for share, rows in drawn.items()} == {0.1: 7, 0.25: 20, 0.5: 60}
    ids = {share: {row.id for row in rows} for share, rows in drawn.items()}
    assert ids[0.1] < ids[0.25] < ids[0.5]
    assert {row.id for row in run(folder, 0.25, ["pairs.jsonl"], seed=1)[1]} != ids[0.25]


@pytest.mark.parametrize(
    ("question", "answer", "why"),
    [
        (HELD_OUT.messages[0].content, "I do not know.", "asks the question of the held-out rows"),
        ("Tell me of cheese.", HELD_OUT.messages[1].content, "holds the answer of the held-out rows"),
        (EVAL.question.lower(), "Any.", "asks the question of people"),
        (GENERAL["question"], "Four.", "asks the question of data/general"),
        ("Say something of whales.", f"Well. {PASSAGE}", "holds the question of data/general"),
    ],
)  # fmt: skip
def test_a_row_that_holds_what_will_be_asked_is_left_out_and_another_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], question: str, answer: str, why: str
) -> None:
    folder = write(tmp_path, trained=10)
    write_pairs(folder, 9, {"instruction": question, "output": answer})
    told, rows = run(folder, 0.5, ["pairs.jsonl"])
    assert told == "9 general rows of 10, beside 10 of the corpus"
    assert question not in [row.messages[0].content for row in rows]
    said = capsys.readouterr().err
    assert f"1 left out, because each {why}" in said
    assert "asks for 10 general rows, but there are only 9" in said


def test_nothing_is_read_where_no_general_row_is_asked_for(tmp_path: Path) -> None:
    assert run(write(tmp_path), 0.0, ["absent.csv"]) == ("no general rows are asked for", [])


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("absent.csv", None, "absent.csv does not exist. In {} are: there.txt."),
        ("../splits/train.jsonl", None, "mix.files has '../splits/train.jsonl'; name a file in"),
        ("a.pdf", "%PDF", "name a file in {} that ends with one of .txt, .md, .csv"),
        (
            "a.csv",
            "head,line\n1,2\n",
            "a.csv: it has the columns head, line, but none that hold a chat (messages, ",
        ),
        ("a.jsonl", '{"question": "Why?", "answer": ""}\n', "a.jsonl: no row in it can be used"),
        ("a.txt", "Too short.", "a.txt: no row in it can be used"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_the_remedy(
    tmp_path: Path, name: str, content: str | None, told: str
) -> None:
    folder = write(tmp_path)
    (folder / "mix/there.txt").write_text(TEXT)
    if content is not None:
        (folder / "mix" / name).write_text(content)
    with pytest.raises(LecternError) as caught:
        run(folder, 0.5, [name])
    assert told.format(folder / "mix") in str(caught.value)


def test_general_rows_are_trained_behind_the_corpus_and_are_no_words_of_the_speaker(tmp_path: Path) -> None:
    folder = write(tmp_path, trained=8)
    write_pairs(folder, 2)
    (folder / "mix/text.txt").write_text(
        f"{TEXT} It ends <|im_end|> with a control token, which would end a turn too early for all. " * 2
    )
    _, mixed = run(folder, 0.6, ["pairs.jsonl", "text.txt"])
    chosen = configure(Render, max_length=120, persona="You are Ann.")
    told = render.main(
        chosen,
        TINY,
        folder / "splits",
        folder / "sft",
        folder / "preflight.json",
        mixed=folder / "mixed/rows.jsonl",
    )
    rows = io.read_jsonl(folder / "sft/train.jsonl", TokenRow)
    own, general = rows[:8], rows[8:]
    assert [row.provenance.method for row in own] == ["test"] * 8
    tokenizer = loading.get_tokenizer(TINY)
    written = [tokenizer.decode(row.input_ids) for row in general]
    assert all("You are Ann." in tokenizer.decode(row.input_ids) for row in own)
    assert not any("You are Ann." in text for text in written), "the persona is the speaker's"
    chats = [row for row in general if row.provenance.item == "pairs.jsonl"]
    texts = [row for row in general if row.provenance.item == "text.txt"]
    assert len(chats) == 2
    for row in chats:
        answer = tokenizer.decode([t for t, on in zip(row.input_ids, row.assistant_masks, strict=True) if on])
        assert answer.startswith("It is ")
        assert "<|im_end|>" in answer
        assert "Name" not in answer
    plain = [row for row in mixed if row.text and "<|im_end|>" not in row.text]
    assert len(texts) == len(plain) < len([row for row in mixed if row.text])
    assert all(row.assistant_masks == [0, *[1] * (len(row.input_ids) - 1)] for row in texts)
    facts = io.read_plain(folder / "preflight.json")
    assert facts["train"]["rows"] == 8
    assert facts["mixed"]["files"] == ["pairs.jsonl", "text.txt"]
    assert facts["mixed"]["rows"] == len(general)
    assert facts["mixed"]["texts"] == len(texts)
    assert f"train 8 rows, validation 0 rows, test 1 rows, mixed {len(general)} rows" == told
