"""The page on the commands is what the commands say of themselves."""

from pathlib import Path

import pytest

from lectern.tools.main import SUBJECTS, SUMMARIES
from lectern.tools.reference import commands

PAGE = Path("docs/reference/commands.md")


def test_the_page_is_what_the_commands_say_of_themselves() -> None:
    assert PAGE.read_text(encoding="utf-8") == commands.write_commands(), (
        "run `python -m lectern.tools.reference`"
    )


def test_each_command_has_a_section_below_its_subject() -> None:
    headings = [line for line in commands.write_commands().splitlines() if line.startswith("#")]
    assert [line for line in headings if line.startswith("## ")] == [f"## {subject}" for subject in SUBJECTS]
    assert [line[4:] for line in headings if line.startswith("### ")] == list(SUMMARIES)
    assert "#### voices remember" in headings


def test_the_page_does_not_depend_on_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    wide = commands.write_commands()
    monkeypatch.setenv("COLUMNS", "40")
    assert commands.write_commands() == wide
