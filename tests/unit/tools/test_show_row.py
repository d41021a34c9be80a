import subprocess
from pathlib import Path
from typing import Any

import pytest

from lectern.core import io
from lectern.core.errors import LecternError
from lectern.core.schema import TokenRow
from lectern.settings.render import Render
from lectern.tools import show_row
from lectern.training import rendering
from stages import render
from tests import warm
from tests.settings import configure
from tests.support.tiny import FAMILIES, TINY, chat, example, family

EVIL = "It \x1b[2Jis\x9b31m \u202ered\u2066 and [[trained]] \x00 or\r\nnot 👩\u200d🔬."


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A dialogue in three parts, and a row that would clear the terminal."""
    talk = example("One?", "First. " * 10, "Two?", "Second. " * 10, "Three?", "Third. " * 10)
    for split, rows in {"train": [talk], "validation": [], "test": [example("What?", EVIL)]}.items():
        io.write_jsonl(tmp_path / f"splits/{split}.jsonl", rows)
    render.main(
        configure(Render, max_length=70),
        TINY,
        tmp_path / "splits",
        tmp_path / "sft",
        tmp_path / "metrics.json",
    )
    return tmp_path


def show(data: Path, wanted: str = "", *, colour: bool = False) -> str:
    return "\n".join(show_row.main(wanted, data, TINY, colour=colour))


def test_the_first_row_shows_what_is_trained_of_it(data: Path) -> None:
    [first, *_] = io.read_jsonl(data / "sft/train.jsonl", TokenRow)
    said = show(data)
    assert said.startswith(
        f"row {first.id} of train, from example {first.example}, part 1 of 3 of it (item talk)\n"
    )
    assert (
        f"<|im_start|>user\nOne?<|im_end|>\n<|im_start|>assistant\n[[{('First. ' * 10)}<|im_end|>]]\n" in said
    )
    trained = sum(first.assistant_masks)
    assert f"{len(first.input_ids)} tokens, {trained} of them trained" in said


def test_a_row_is_found_by_its_id_or_its_examples(data: Path) -> None:
    rows = io.read_jsonl(data / "sft/train.jsonl", TokenRow)
    assert show(data, rows[2].id[:8]).startswith(f"row {rows[2].id} of train")
    assert show(data, rows[2].example.upper()).startswith(f"row {rows[0].id} of train")
    with pytest.raises(
        LecternError,
        match=r"none of the 4 rows in .*sft, and none of their examples, has an id.*'zz'.*lectern trace",
    ):
        show(data, "zz\x1b\n")


@pytest.mark.parametrize("colour", [True, False])
def test_nothing_of_a_row_acts_on_the_terminal(data: Path, colour: bool) -> None:
    [row] = io.read_jsonl(data / "sft/test.jsonl", TokenRow)
    said = show(data, row.id, colour=colour)
    ours = [show_row.TRAINED, show_row.CONTROL, show_row.RESET]
    for code in ours if colour else []:
        said = said.replace(code, "")
    assert not set(said) & set("\x00\x1b\x9b\u202e\u2066\r")
    # but it is seen that it is there, and emoji stay whole
    assert r"It \x1b[2Jis\x9b31m \u202ered\u2066 and" in said
    assert "👩\u200d🔬" in said
    # nor can a text pretend that something else is trained
    assert colour or said.count("[[") - said.count("between [[") == 1


def test_in_colour_what_is_trained_is_green_and_no_other(data: Path) -> None:
    said = show(data, colour=True)
    green = said.split(show_row.TRAINED)[1:]
    assert [part.split(show_row.RESET)[0] for part in green] == [
        "First. " * 10,
        f"{show_row.CONTROL}<|im_end|>",
    ]


@pytest.mark.parametrize("name", FAMILIES)
def test_what_is_shown_is_the_text_of_the_row(tokenizer: Any, name: str) -> None:
    chosen = family(name, tokenizer)
    talk = example("Why? 漢字", "Because 🙂.", "And?", "It ends.", system="Be terse.")
    done = rendering.render([talk], chosen.tokenizer, chosen.template, 300)
    shown = show_row.show(done.rows[0], chosen.tokenizer, colour=False)
    assert shown.replace("[[", "").replace("]]", "") == done.texts[0]
    assert [part.split("]]")[0].strip() for part in shown.split("[[")[1:]] == [
        f"{answer}{' ' if name.startswith('llama2') else ''}{chosen.end_of_turn}"
        for answer in ("Because 🙂.", "It ends.")
    ]


def test_it_runs_without_a_terminal_and_in_one_word_says_what_is_wrong(tmp_path: Path) -> None:
    done = subprocess.run(
        [warm.python(), "-m", "lectern", "show-row", "--data", str(tmp_path)],
        env=warm.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("lectern show-row: error: ")
    assert "train.jsonl does not exist. Run `dvc repro`" in done.stderr


def test_a_chat_is_written_as_it_was(tokenizer: Any, template: str) -> None:
    assert show_row.make_visible("".join(m.content for m in chat("a\nb", "c\td"))) == "a\nbc\\x09d"
