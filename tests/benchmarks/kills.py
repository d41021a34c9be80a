"""Whether a run that is killed at a random moment ends with the bytes of an undisturbed one.

Run: python -m tests.benchmarks.kills [--kills 100] [--seed 0] [--recipe smoke] [--folder DIR]
Clones the committed state of this repository, composes the recipe and runs `lectern run`, the command behind
`make run`, once undisturbed. Then it removes every output and cache, starts the run, and kills it at a random moment.
What the kill left is run to its end and compared with the undisturbed run: every file of every output, what dvc.lock
says of the outputs, and what git says of the tree. Then what the kill left is put back, started again and killed
again, so that the kills of one run add up, until that run ends by itself; then all begins anew.

The time until a kill is drawn evenly between nothing and a share of what a run takes, so that the kills fall on all of
it. Of the kills, 70 % are SIGKILL to every process of the run, 15 % SIGKILL to a random one of them, after which the
others may go on until another drawn moment, and 15 % SIGINT, as Ctrl-C sends it.

Prints a line for each kill and each ending, and tables at the end. What has happened is kept in DIR/kills.jsonl, so the
same command goes on where it was stopped. Exits with status 1 if an ending differs, or a run failed by itself.
Needs Linux, and twice as much free space as one run takes.
"""

import argparse
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml

ROOT = Path(__file__).parents[2]
MARK = "LECTERN_KILLS"
"""A variable in the environment of every process of a run, whatever session it is in and whoever its parent is now."""
GROUP, ONE, INTERRUPT = "SIGKILL to all", "SIGKILL to one", "SIGINT"
SHARES = {GROUP: 0.70, ONE: 0.15, INTERRUPT: 0.15}
SHARE = 0.25
"""A kill comes at the latest after this share of the undisturbed run's time."""
PATIENCE = 300.0
"""Seconds that a run may take to end after an interrupt; after them it counts as a run that does not heed it."""
STEP = re.compile(r"^\[\d+/\d+\] ([\w-]+):", re.MULTILINE)
TORN = re.compile(r"^(\S+?),? .*cut off, because DVC was killed", re.MULTILINE)
Row = dict[str, Any]


@dataclass(frozen=True)
class Draw:
    """What happens to one start of the run."""

    how: str
    """one of SHARES"""
    after: float
    """seconds after the start"""
    rest: float
    """seconds that the others may go on after a single process was killed"""
    which: float
    """which process of them, as a share of their number"""


def draw(seed: int, number: int, seconds: float) -> Draw:
    """Draw a kill; it is the same for the same seed and number, whatever happened before.

    Args:
        seed: of the benchmark.
        number: of the kill, and of the runs that ended by themselves before it.
        seconds: that a run takes.
    """
    chance = random.Random(f"kills {seed} {number}")
    how = chance.choices(list(SHARES), list(SHARES.values()))[0]
    after, rest = (chance.uniform(0, SHARE * seconds) for _ in range(2))
    return Draw(how, after, rest, chance.random())


def drops_lock(seed: int, round_: int) -> bool:
    """Whether a round starts without dvc.lock, as the very first run does; else with that of the committed run."""
    return random.Random(f"lock {seed} {round_}").random() < 0.5


def read_outputs(root: Path) -> dict[str, str]:
    """Output -> hash, from dvc.lock; empty if there is no dvc.lock."""
    path = root / "dvc.lock"
    stages = yaml.safe_load(path.read_text(encoding="utf-8"))["stages"] if path.is_file() else {}
    return {out["path"]: str(out.get("md5")) for entry in stages.values() for out in entry.get("outs", [])}


def look(root: Path) -> dict[str, dict[str, str]]:
    """What a run left: the outputs by dvc.lock, their files by their bytes, and what git sees."""
    outs = read_outputs(root)
    files = {}
    for out in outs:
        top = root / out
        for path in [top, *top.rglob("*")]:
            if path.is_file():
                files[str(path.relative_to(root))] = hashlib.sha256(path.read_bytes()).hexdigest()
    status = _call(root, "git", "status", "--porcelain").splitlines()
    return {"dvc.lock": outs, "file": files, "git status": {line[3:]: line[:2] for line in status}}


def compare(wanted: Mapping[str, Mapping[str, str]], found: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """Yield a line for each thing in which an ending is not the undisturbed one."""
    for kind in wanted:
        for name in sorted({*wanted[kind], *found[kind]}):
            before, after = wanted[kind].get(name), found[kind].get(name)
            if before != after:
                word = "missing" if after is None else "new" if before is None else "differs"
                yield f"{kind}: {name} {word}"


def read_stage(printed: str) -> str:
    """The stage that was announced last; `start` before the first one."""
    return (STEP.findall(printed) or ["start"])[-1]


def read_torn(printed: str) -> list[str]:
    """The files that a run found torn and brought back."""
    return TORN.findall(printed)


class Run:
    """`lectern run` in a clone, with all the processes that it starts."""

    def __init__(self, root: Path, log: Path) -> None:
        """Start it.

        Args:
            root: the clone.
            log: the file for all that it prints.
        """
        self.root, self.log = root, log
        with log.open("w", encoding="utf-8") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "lectern", "run"],
                cwd=root,
                env=_environment(root),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait(self, seconds: float | None) -> int | None:
        """Wait until it ends, and return its exit status; None if it runs on."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def kill(self, drawn: Draw) -> int | None:
        """Kill what was drawn, and then what is left; return the exit status if it ended by itself nevertheless."""
        status = None
        if drawn.how == INTERRUPT:
            self.process.send_signal(signal.SIGINT)
            status = self.wait(PATIENCE)
        elif drawn.how == ONE:
            living = find(self.root)
            if living:
                with suppress(psutil.NoSuchProcess):
                    living[int(drawn.which * len(living))].kill()
            status = self.wait(drawn.rest)
        end(self.root)
        self.process.wait()
        return status


def find(root: Path) -> list[psutil.Process]:
    """The living processes of the clone's runs, the oldest first."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(MARK) == str(root) and process.status() != psutil.STATUS_ZOMBIE:
                found.append((process.create_time(), process.pid, process))
    return [process for *_, process in sorted(found, key=lambda one: one[:2])]


def end(root: Path) -> None:
    """Kill the processes of the clone's runs, those too that are started meanwhile."""
    while living := find(root):
        for process in living:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(living, timeout=10)


def _environment(root: Path) -> dict[str, str]:
    return {**os.environ, MARK: str(root), "PYTHONUNBUFFERED": "1", "DVC_NO_ANALYTICS": "1"}


def _call(root: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=root, env=_environment(root), capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(
            f"{' '.join(command)} in {root} ended with {done.returncode}:\n{done.stderr[-2000:]}"
        )
    return done.stdout


def clean(root: Path, *, lock: bool) -> None:
    """Remove every output and cache, metrics too, and dvc.lock if `lock`."""
    outs = read_outputs(root)
    _call(root, sys.executable, "-m", "lectern", "clean")
    for out in outs:
        path = root / out
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    if lock:
        (root / "dvc.lock").unlink(missing_ok=True)


class Journal:
    """The rows of kills.jsonl; a row is written when what it tells is over."""

    def __init__(self, path: Path) -> None:
        self.path = path
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        whole = text[: text.rfind("\n") + 1]  # the last row may be cut off
        self.rows: list[Row] = [json.loads(line) for line in whole.splitlines()]
        if whole != text:
            path.write_text(whole, encoding="utf-8")

    def add(self, **row: Any) -> Row:
        """Append a row."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        self.rows.append(row)
        return row

    def of(self, kind: str) -> list[Row]:
        """The rows of this kind."""
        return [row for row in self.rows if row["kind"] == kind]


def prepare(root: Path, recipe: str, log: Path) -> Row:
    """Make the clone and run it undisturbed. Returns what is known of that run."""
    if root.exists():
        shutil.rmtree(root)
    _call(ROOT, "git", "clone", "-q", "--no-hardlinks", str(ROOT), str(root))
    commit = _call(root, "git", "rev-parse", "--short", "HEAD").strip()
    _call(root, "git", "config", "user.name", "Benchmark")
    _call(root, "git", "config", "user.email", "benchmark@example.org")
    _call(root, sys.executable, "-m", "lectern", "params", f"recipe={recipe}")
    clean(root, lock=True)
    began = time.monotonic()
    run = Run(root, log)
    if status := run.wait(None):
        raise SystemExit(
            f"The undisturbed run ended with {status}:\n{log.read_text(encoding='utf-8')[-2000:]}"
        )
    seconds = time.monotonic() - began
    _call(root, "git", "add", "-A")
    _call(root, "git", "commit", "-qm", "run")
    return {"commit": commit, "recipe": recipe, "seconds": seconds, "state": look(root)}


def kill_once(root: Path, journal: Journal, log: Path, seed: int, wanted: Row) -> bool:
    """Start the run and kill it at a random moment; returns whether it was killed, and not through before."""
    number, round_ = len(journal.of("kill")), len(journal.of("round"))
    if not [row for row in journal.of("kill") if row["round"] == round_]:
        clean(root, lock=drops_lock(seed, round_))
    drawn = draw(seed, number + round_, wanted["seconds"])
    began = time.monotonic()
    run = Run(root, log)
    status = run.wait(drawn.after)
    if status:
        raise SystemExit(f"The run ended by itself with {status}: see {log}")
    if status == 0:
        return False
    status = run.kill(drawn)
    printed = log.read_text(encoding="utf-8", errors="replace")
    if status == 0:  # one process was killed, and the run did not need it
        return False
    late = drawn.how == INTERRUPT and status is None
    row = journal.add(
        kind="kill", number=number, round=round_, how=drawn.how, after=round(drawn.after, 2),
        stage=read_stage(printed), status=status, torn=read_torn(printed), late=late,
        seconds=round(time.monotonic() - began, 2),
    )  # fmt: skip
    print(
        f"kill {number + 1}: {drawn.how} after {drawn.after:.1f} s, in {row['stage']}"
        + (f", which did not end within {PATIENCE:.0f} s" if late else ""),
        flush=True,
    )
    return True


def finish(root: Path, journal: Journal, log: Path, kind: str, wanted: Row) -> None:
    """Run to the end, compare what there is then, and keep that as a row of this kind."""
    began = time.monotonic()
    status = Run(root, log).wait(None)
    printed = log.read_text(encoding="utf-8", errors="replace")
    unequal = list(compare(wanted["state"], look(root)))
    if status:
        unequal.append(f"the run ended with {status}: {' | '.join(printed.splitlines()[-8:])}")
    number, torn = len(journal.of(kind)), read_torn(printed)
    seconds = round(time.monotonic() - began, 2)
    journal.add(kind=kind, number=number, unequal=unequal, torn=torn, seconds=seconds)
    print(
        f"{kind} {number + 1}, {seconds:.0f} s: "
        + ("; ".join(unequal) or f"equal ({len(wanted['state']['file'])} files)")
        + (f"; torn and brought back: {', '.join(torn)}" if torn else ""),
        flush=True,
    )


def put_back(left: Path, root: Path) -> None:
    """Bring back what a kill had left, as far as it was kept."""
    if left.exists():
        shutil.rmtree(root, ignore_errors=True)
        left.rename(root)


def keep(root: Path, left: Path) -> None:
    """Keep a copy of what a kill has left; a copy that was cut off does not count."""
    part = left.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(root, part, symlinks=True)
    part.rename(left)


def summarise(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the lines of the tables at the end."""
    kills = [row for row in rows if row["kind"] == "kill"]
    endings = [row for row in rows if row["kind"] in ("ending", "round")]
    wrong = [row for row in endings if row["unequal"]]
    torn = Counter(name for row in endings for name in row["torn"])
    yield "| figure | value |"
    yield "|---|---|"
    for how, count in Counter(row["how"] for row in kills).most_common():
        yield f"| kills by {how} | {count} |"
    yield f"| kills | {len(kills)} |"
    for kind, of in (("ending", "one kill each"), ("round", "all the kills of a run")):
        those = [row for row in endings if row["kind"] == kind]
        equal = sum(not row["unequal"] for row in those)
        yield f"| endings after {of}; equal | {len(those)}; {equal} |"
    yield f"| interrupts that were not heeded within {PATIENCE:.0f} s | {sum(row['late'] for row in kills)} |"
    for name in sorted({"dvc.lock", *torn}):
        yield f"| times that {name} was torn and brought back | {torn[name]} |"
    yield ""
    yield "| stage that was announced last | kills |"
    yield "|---|---|"
    for stage, count in Counter(row["stage"] for row in kills).most_common():
        yield f"| {stage} | {count} |"
    for row in wrong:
        yield f"\n{row['kind'].capitalize()} {row['number'] + 1} differs:"
        yield from (f"  {line}" for line in row["unequal"])


def main(kills: int, seed: int, recipe: str, folder: Path) -> int:
    """Go on until so many kills have had their endings, print the tables, and return the exit status."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that no run outlives it
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # in the background it is ignored, by children too
    root, logs = (folder / "clone").resolve(), folder / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    journal = Journal(folder / "kills.jsonl")
    end(root)  # of a benchmark that was killed itself
    if not journal.of("undisturbed"):
        print(f"In {folder}: the undisturbed run, of which {logs}/undisturbed.log tells", flush=True)
        journal.add(kind="undisturbed", **prepare(root, recipe, logs / "undisturbed.log"))
    wanted = journal.of("undisturbed")[0]
    if wanted["recipe"] != recipe:
        raise SystemExit(f"{folder} is of the recipe {wanted['recipe']}; name another --folder for {recipe}.")
    print(
        f"In {folder}: commit {wanted['commit']}, {recipe}, undisturbed {wanted['seconds']:.0f} s, "
        f"{len(wanted['state']['file'])} files of {len(wanted['state']['dvc.lock'])} outputs",
        flush=True,
    )
    left = folder / "left"
    put_back(left, root)
    try:
        while len(journal.of("ending")) < kills:
            number = len(journal.of("kill"))
            if number == len(journal.of("ending")) and not kill_once(
                root, journal, logs / f"{number:03}-kill.log", seed, wanted
            ):
                finish(root, journal, logs / f"{number:03}-round.log", "round", wanted)
                continue
            keep(root, left)
            finish(root, journal, logs / f"{number:03}-ending.log", "ending", wanted)
            put_back(left, root)
    finally:
        end(root)
    print("\n" + "\n".join(summarise(journal.rows)))
    late = any(row["late"] for row in journal.of("kill"))
    return int(late or any(row["unequal"] for row in [*journal.of("ending"), *journal.of("round")]))


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--recipe", default="smoke")
    parser.add_argument("--folder", type=Path, help="for the clone and the results; a new one by default")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    given = parse()
    place = given.folder or Path(tempfile.mkdtemp(prefix="lectern-kills-"))
    raise SystemExit(main(given.kills, given.seed, given.recipe, place))
