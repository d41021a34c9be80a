"""Remember voices by name, so that they are recognised in other items, and show who speaks in an item."""

from pathlib import Path

import click

from lectern.conversations import voices_file
from lectern.tools.terminal import DATA, Command, tell


@click.group("voices")
def command() -> None:
    """Give voices a name, so that they are recognised in other recordings.

    The names stand in data/corrections/voices.yaml. The next `dvc repro` uses them.
    """


@command.command("remember", cls=Command, examples=('lectern voices remember talk-01 speaker_1 "Asha Rao"',))
@click.argument("item", help="The name of a recording's folder in data/raw.")
@click.argument("speaker", help="A label of its speakers, as `lectern voices list ITEM` shows them.")
@click.argument("name", help="Who that is.")
@DATA
def remember(item: str, speaker: str, name: str, data: Path) -> None:
    """Give the voice of a speaker a name."""
    tell(voices_file.remember(item, speaker, name, data))


@command.command("list", cls=Command, examples=("lectern voices list", "lectern voices list talk-01"))
@click.argument("item", required=False, help="The name of a recording's folder in data/raw.")
@DATA
def show(item: str | None, data: Path) -> None:
    """List the voices that are remembered, or those of an item.

    For an item it tells how long each voice speaks, whom it sounds like, and its first words. Reads data/diarization
    and data/transcripts.
    """
    if item is not None:
        tell(*voices_file.list_speakers(item, data))
    else:
        known = voices_file.list_remembered(data)
        tell(*known or ["no voice is remembered; `lectern voices remember ITEM SPEAKER NAME`"])
