"""What many ready transcripts cost from `fetch` to `examples`, at first, with nothing to do, and with one more.

Run: python tests/benchmarks/many_transcripts.py [--items 300] [--folder FOLDER] [--host NAME]
Copies the tree (not its data) into a temporary folder, puts the transcripts there, and runs `dvc repro examples` three
times. Without a folder they are made up: an hour and more, about 10,000 words, of a host and a guest. With a folder of
VTT or SRT files these are repeated, each time with other times and some words changed places. It prints seconds, CPU
seconds, the memory of the largest process, what each stage made, and what became of the words.
"""

import argparse
import json
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOT_COPIED = shutil.ignore_patterns(
    ".git",
    ".venv*",
    "__pycache__",
    ".*_cache",
    ".hypothesis",
    "cache",
    "tmp",
    "demo",
    "metrics",
    "models",
    "dvc.lock",
)
STAGES = ("fetch", "transcribe", "diarize", "converse", "examples")
COMMON = "the of and to a in that is we it for on are as with they at be this from have or by one had not but what all"
OPENINGS = ("What is", "How do you see", "Why is", "When did you first meet", "Would you say a word about")
ADVERT = "This episode is brought to you by a shop that sells lamps. Now back to the show."
CUE_WORDS, WORDS_A_SECOND = 11, 2.3
TIME = re.compile(r"(?:(\d+):)?(\d\d):(\d\d)([.,])(\d{3})")


def stamp(seconds: float, point: str = ".") -> str:
    """`hh:mm:ss.mmm`."""
    milliseconds = round(seconds * 1000)
    whole, rest = divmod(milliseconds, 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}{point}{rest:03}"


def make_episode(seed: int, words: int) -> str:
    """A conversation in WebVTT; the words are common ones and some of the episode's own."""
    rng = random.Random(seed)
    own = ["".join(rng.choices("abcdefghiklmnoprstuv", k=rng.randint(4, 9))) for _ in range(400)]
    turns, said = [("Unknown", ADVERT)], 0
    while said < words:
        topic = " ".join(rng.choices(own, k=3))
        question = f"{rng.choice(OPENINGS)} {topic} and {' '.join(rng.choices(own, k=rng.randint(3, 20)))}?"
        answer = " ".join(make_sentence(rng, own) for _ in range(rng.randint(2, 20)))
        turns += [("Host", question), (f"Guest {seed % 3 + 1}", answer)]
        said += len(question.split()) + len(answer.split())
    blocks, now = ["WEBVTT"], 0.0
    for speaker, text in turns:
        spoken = text.split()
        for first in range(0, len(spoken), CUE_WORDS):
            cue = spoken[first : first + CUE_WORDS]
            end = now + len(cue) / WORDS_A_SECOND
            blocks.append(f"{stamp(now)} --> {stamp(end)}\n[{speaker}]: {' '.join(cue)}")
            now = end
        now += 0.3
    return "\n\n".join(blocks) + "\n"


def make_sentence(rng: random.Random, own: Sequence[str]) -> str:
    """Six to twenty words, every second one common."""
    words = [rng.choice(own if number % 2 else COMMON.split()) for number in range(rng.randint(6, 20))]
    return " ".join(words).capitalize() + "."


def vary(text: str, seed: int) -> str:
    """The same transcript later by up to a minute, with one in ten lines in another order of words."""
    rng = random.Random(seed)
    later = rng.uniform(0, 60)

    def shift(match: re.Match[str]) -> str:
        hours, minutes, seconds, point, thousandths = match.groups()
        whole = (int(hours or 0) * 60 + int(minutes)) * 60 + int(seconds)
        return stamp(whole + int(thousandths) / 1000 + later, point)

    def change(line: str) -> str:
        if "-->" in line:
            return TIME.sub(shift, line)
        label, words = re.match(r"(\[[^\]]*\]:)?(.*)", line).groups()  # type: ignore[union-attr]
        words = words.split()
        if rng.random() < 0.1 and len(words) > 3:
            rng.shuffle(words)
        return " ".join([*filter(None, [label]), *words])

    return "\n".join(change(line) for line in text.split("\n"))


def make_files(folder: Path | None, count: int) -> Iterator[tuple[str, str]]:
    """(name, content) of `count` transcripts and one more."""
    real = sorted(p for p in folder.iterdir() if p.suffix in (".vtt", ".srt")) if folder else []
    for number in range(count + 1):
        if real:
            path, round_ = real[number % len(real)], number // len(real)
            text = path.read_text(encoding="utf-8")
            yield f"{path.stem}_{round_:03}{path.suffix}", text if round_ == 0 else vary(text, number)
        else:
            yield (
                f"episode_{number:04}.vtt",
                make_episode(number, random.Random(number).randint(8_500, 11_500)),
            )


def run(folder: Path, *command: str) -> tuple[float, float, str]:
    """Seconds, CPU seconds with children, and what was printed."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, env=environment, capture_output=True, text=True
    )
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}\n{done.stderr}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def repro(copy: Path, what: str) -> None:
    """Run the stages and say what it cost and what each made."""
    wall, cpu, printed = run(copy, "dvc", "repro", "examples")
    lines = [line for line in printed.splitlines() if line.startswith(tuple(f"{s}: made" for s in STAGES))]
    print(f"{what}: {wall:.1f} s, {cpu:.1f} CPU s; " + ("; ".join(lines) or "no stage ran"), flush=True)


def main(count: int, folder: Path | None, host: str | None) -> None:
    """Make the copy, run it three times and print the figures."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "copy"
        shutil.copytree(ROOT, copy, ignore=NOT_COPIED)
        for name in (line.strip().lstrip("/") for line in (ROOT / "data" / ".gitignore").read_text().split()):
            shutil.rmtree(copy / "data" / name, ignore_errors=True)
        run(copy, "dvc", "init", "-q", "--no-scm", "-f")
        sources = copy / "data" / "sources" / "transcripts"
        sources.mkdir(parents=True)
        *first, last = make_files(folder, count)
        for name, content in first:
            (sources / name).write_text(content, encoding="utf-8")
        megabytes = sum(len(content.encode()) for _, content in first) / 1e6
        rule = f'[{{role:host,rule:name,name:"{host}"}}]' if host else "[{role:host,rule:name,name:Host}]"
        choices = ("corpus=transcripts", "converse=podcast", "examples=podcast", f"converse.roles={rule}")
        run(copy, "lectern", "params", *choices)
        print(f"{count} transcripts, {megabytes:.0f} MB", flush=True)
        repro(copy, "first run")
        used = {name: json.loads((copy / f"metrics/runtime/{name}.json").read_text()) for name in STAGES}
        print(
            "  "
            + "; ".join(f"{n} {u['cpu_seconds']} CPU s, {u['peak_memory_mb']} MB" for n, u in used.items())
        )
        largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
        print(f"  largest process, dvc itself included: {largest:.2f} GB")
        for name in ("conversations", "examples"):
            print(f"  {name}: {json.dumps(json.loads((copy / 'metrics' / f'{name}.json').read_text()))}")
        repro(copy, "nothing to do")
        (sources / last[0]).write_text(last[1], encoding="utf-8")
        repro(copy, "one more")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--items", type=int, default=300)
    parser.add_argument("--folder", type=Path, help="of real transcripts to repeat")
    parser.add_argument("--host", help="name of the host in them; the made-up ones have `Host`")
    given = parser.parse_args()
    main(given.items, given.folder, given.host)
