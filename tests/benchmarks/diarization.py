"""Diarization error and number of speakers on any audio whose true turns are known.

Run from the root: python -m tests.benchmarks.diarization [FOLDER] [NAME=VALUE ...]
FOLDER holds recordings, each with its true turns beside it: x.wav and x.rttm, or x.truth.json as the demo corpus has
(which is the default). NAME=VALUE changes a value of the section `diarize` of params.yaml, such as max_speakers=2.
Prints for each recording and in all: DER without and with a collar of 0.25 s on each side of a boundary, what it
consists of (missed, falsely heard and confused speech), true and found speakers, ghosts, and CPU seconds.
"""

import importlib
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from omegaconf import OmegaConf

from lectern.core import io, params
from lectern.core.errors import LecternError
from lectern.evaluation.speech import TrueTurn, Truth, measure_der
from lectern.settings.diarize import Diarize
from lectern.speech.diarization import ENGINES

ROOT = Path(__file__).parents[2]
COLLAR = 0.25
PARTS = ("missed", "false_alarm", "confusion")


def read_rttm(path: Path) -> Truth:
    """The turns of the only recording that an RTTM file tells of."""
    rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    try:
        return Truth(
            turns=[
                TrueTurn(speaker=row[7], start=float(row[3]), end=float(row[3]) + float(row[4]), text="")
                for row in rows
                if row[0] == "SPEAKER"
            ]
        )
    except (IndexError, ValueError) as error:
        raise LecternError(f"{path}: not RTTM ({error})") from error


def find_pairs(folder: Path) -> list[tuple[Path, Truth]]:
    """Each recording with its true turns, in order of name."""
    pairs = []
    for media in sorted(
        path for path in folder.iterdir() if path.suffix in (".wav", ".mp3", ".flac", ".m4a")
    ):
        if (rttm := media.with_suffix(".rttm")).is_file():
            pairs.append((media, read_rttm(rttm)))
        elif (truth := media.with_suffix(".truth.json")).is_file():
            pairs.append((media, io.read_json(truth, Truth)))
    if not pairs:
        raise LecternError(f"{folder} holds no recording with an .rttm or a .truth.json of the same name")
    return pairs


def main(folder: Path, changes: Sequence[str]) -> None:
    """Diarize each recording of `folder` and print the figures."""
    section = OmegaConf.load(ROOT / "params.yaml").diarize
    chosen = params.parse(OmegaConf.merge(section, OmegaConf.from_dotlist(list(changes))), Diarize, "diarize")
    engine = ENGINES[chosen.engine]
    values = {name: asdict(chosen)[name] for name in (*engine.choices, "device", "threads", "batch_size")}
    diarize = importlib.import_module(engine.module).load_engine(**values)
    print(
        f"{'recording':<28}{'seconds':>8}{'DER':>7}{'collar':>7}{'miss':>7}{'false':>7}{'conf.':>7}", end=""
    )
    print(f"{'true':>6}{'found':>6}{'ghosts':>7}{'CPU s':>7}")
    rows, right = [], 0
    for media, truth in find_pairs(folder):
        began = time.process_time()
        found, facts = diarize(media.stem, media)
        cpu = time.process_time() - began
        strict, lenient = (measure_der(truth, found, collar) for collar in (0.0, COLLAR))
        people = [len({turn.speaker for turn in truth.turns}), facts["speakers"], len(facts["ghosts"])]
        figures = [*(part[name] for part in (strict, lenient) for name in (*PARTS, "speech"))]
        rows.append([found.duration, *figures, *people, cpu])
        right += people[0] == people[1]
        print_row(media.stem, np.array(rows[-1]))
    print_row("all", np.array(rows).sum(axis=0))
    print(f"number of speakers right: {right} of {len(rows)}")


def print_row(name: str, row: np.ndarray) -> None:
    """One line; `row` is seconds, four sums without and four with the collar, three counts of speakers, CPU seconds."""
    seconds, *_, true, found, ghosts, cpu = row
    strict, lenient = row[1:4] / max(row[4], 1e-9), row[5:8] / max(row[8], 1e-9)
    shares = "".join(f"{share:>7.3f}" for share in (strict.sum(), lenient.sum(), *strict))
    print(
        f"{name[:27]:<28}{seconds:>8.0f}{shares}{true:>6.0f}{found:>6.0f}{ghosts:>7.0f}{cpu:>7.1f}",
        flush=True,
    )


if __name__ == "__main__":
    given = sys.argv[1:]
    folders = [Path(argument) for argument in given if "=" not in argument]
    try:
        main((folders or [ROOT / "data/sources/demo"])[0], [a for a in given if "=" in a])
    except LecternError as error:
        raise SystemExit(f"error: {error}") from None
