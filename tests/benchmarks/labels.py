"""How many words of real transcripts keep their speaker when the labels are written in another form.

    python -m tests.benchmarks.labels FOLDER

FOLDER holds WebVTT files whose cues begin with `[Name]: `. Each file is written anew with labels of each form: in each
cue, at changes of the speaker only, or with two cues in one line. Prints the shares of words that are given to the
right speaker, to nobody, and to another one.
"""

import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from lectern.conversations.word_speakers import attribute_words
from lectern.formats import captions
from lectern.formats.caption_files import UNKNOWN

FORMS: dict[str, Callable[[str], str]] = {
    "Name:": "{}: ".format,
    "name:": lambda name: f"{name.lower()}: ",
    "e-mail:": lambda name: f"{name.lower().replace(' ', '.')}@example.org: ",
    ">> NAME:": lambda name: f">> {name.upper()}: ",
    "[Name]": "[{}] ".format,
    "- [Name]": "- [{}] ".format,
    "**Name:**": "**{}:** ".format,
    "Name (0:12):": "{} (0:12): ".format,
    "{Name}": "{{{}}} ".format,
    "<Name>": "&lt;{}&gt; ".format,
    "Name |": "{} | ".format,
    "Name —": "{} — ".format,
    "Name -": "{} - ".format,
    "Name>": "{}> ".format,
    "NAME:text": lambda name: f"{name.upper()}:",
}
PLACES = ("in each cue", "at changes", "two in a line")
CUE = re.compile(r"(\S+) --> (\S+)\n\[([^\]]+)\]: (.*)")
Cue = tuple[str, str, str, str]
"""Start, end, speaker, text."""


def write(cues: list[Cue], label: Callable[[str], str], where: str) -> str:
    """The file with labels of a form."""
    lines, before = [], ""
    size = 2 if where == "two in a line" else 1
    for first in range(0, len(cues), size):
        group = cues[first : first + size]
        texts = []
        for _, _, name, text in group:
            texts.append(("" if where == "at changes" and name == before else label(name)) + text)
            before = name
        lines.append(f"{group[0][0]} --> {group[-1][1]}\n{' '.join(texts)}")
    return "\n\n".join(["WEBVTT", *lines, ""])


def fold(name: str) -> str:
    """A name without what the forms change of it."""
    return re.sub(r"\W", "", name.lower().replace("@example.org", ""))


def count(cues: list[Cue], label: Callable[[str], str], where: str) -> tuple[int, int, int]:
    """The words that are given to the right speaker, to nobody, and to another speaker."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "talk.vtt"
        path.write_text(write(cues, label, where), encoding="utf-8")
        ready = captions.read_ready(path, "talk")
    speakers = attribute_words(ready.transcript.words, ready.turns, 0.5)
    said = list(zip(speakers, (word.text for word in ready.transcript.words), strict=True))
    right = nobody = another = at = 0
    for _, _, name, text in cues:
        for token in text.split():
            # a label that was not read stands among the words
            near = range(at, min(at + 12, len(said)))
            place = next((n for n in near if token in (said[n][1], said[n][1].rpartition(":")[2])), None)
            at = at if place is None else place + 1
            found = UNKNOWN if place is None else said[place][0]
            right += fold(found) == fold(name)
            nobody += found == UNKNOWN != fold(name)
            another += found != UNKNOWN and fold(found) != fold(name)
    return right, nobody, another


def main(folder: Path) -> None:
    """Print a line for each place and form of labels."""
    files = [CUE.findall(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.vtt"))]
    for where in PLACES:
        for name, label in FORMS.items():
            counts = [count(cues, label, where) for cues in files]
            right, nobody, another = (sum(column) for column in zip(*counts, strict=True))
            total = right + nobody + another
            print(
                f"{where:14} {name:13} right {right / total:7.2%}  nobody {nobody / total:7.2%}  "
                f"another {another / total:7.2%}  of {total}",
                flush=True,
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
