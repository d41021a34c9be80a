"""What an idle stage of 1,000 items costs beside an idle stage of one file, both through DVC.

Run: python tests/benchmarks/items_noop.py [ITEMS] [ROUNDS]
Makes two DVC repositories in a temporary folder, each with one stage, and prints the CPU seconds of `dvc repro` with
nothing to do (the median over the rounds, taken in turn), their ratio, and what adding one item makes.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
SYNC = """
import sys
from pathlib import Path
from lectern.core import code, items
found = [items.Item(p.stem, {"text": p}) for p in Path("source").iterdir()]
make = lambda item, path: path.write_text(item.inputs["text"].read_text().upper()) and None
print("sync:", items.sync(found, Path("out"), lambda: make, suffix=".txt", params={}, code=[code]))
"""
MANY = "stages: {many: {cmd: python sync.py, deps: [source, sync.py], outs: [out: {persist: true}]}}\n"
ONE = "stages: {one: {cmd: cp source.txt out.txt, deps: [source.txt], outs: [out.txt]}}\n"


def dvc(folder: Path, *arguments: str) -> tuple[float, str]:
    """Run dvc there; return its CPU seconds, children included, and what it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    command = [sys.executable, "-m", "dvc", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def measure(count: int, rounds: int) -> tuple[float, float, str]:
    """CPU seconds of the idle stage of many items and of one file, and the summary after one item is added."""
    with tempfile.TemporaryDirectory() as scratch:
        many, one = Path(scratch) / "many", Path(scratch) / "one"
        for folder, pipeline in ((many, MANY), (one, ONE)):
            folder.mkdir()
            (folder / "dvc.yaml").write_text(pipeline)
            dvc(folder, "init", "-q", "--no-scm")
        (many / "sync.py").write_text(SYNC)
        (many / "source").mkdir()
        for number in range(count):
            (many / "source" / f"item{number}.txt").write_text(f"item {number}")
        (one / "source.txt").write_text("one")
        for folder in (many, one):
            dvc(folder, "repro")
        times = [(dvc(many, "repro")[0], dvc(one, "repro")[0]) for _ in range(rounds)]
        (many / "source" / "new.txt").write_text("new")
        _, printed = dvc(many, "repro")
    summary = next(line for line in printed.splitlines() if line.startswith("sync: "))
    return statistics.median(t[0] for t in times), statistics.median(t[1] for t in times), summary


if __name__ == "__main__":
    count, rounds = (int(a) for a in (sys.argv[1:] + ["1000", "5"][len(sys.argv) - 1 :]))
    cpu_many, cpu_one, added = measure(count, rounds)
    ratio = cpu_many / cpu_one
    print(
        f"idle stage of {count} items: {cpu_many:.2f} CPU s; of one file: {cpu_one:.2f} CPU s; ratio {ratio:.2f}"
    )
    print(f"one item added: {added}")
