"""What worker processes gain: many short recordings transcribed in this process, by one worker, and by several.

Run: python tests/benchmarks/workers.py [RECORDINGS] [WORKERS] [ROUNDS]
Makes that many recordings out of the smoke corpus (copies, each an item of its own) in a temporary folder, transcribes
them by `stages.transcribe` with the default model, each way in a process of its own and in turn, compares the bytes,
and prints the median wall time, the CPU time, the memory of the largest process, and the ratios. The cores are
divided among the workers.
"""

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from lectern.core import items
from lectern.core.compute import IN_PROCESS
from lectern.core.params import parse
from lectern.core.schema import Source
from lectern.settings.corpus import Corpus
from lectern.settings.transcribe import Transcribe
from stages import fetch, transcribe
from tests.settings import configure

ROOT = Path(__file__).parents[2]


def make_recordings(raw: Path, count: int) -> None:
    """Fill `raw` with copies of the smoke corpus."""
    source = raw.with_name("source")
    sources = [{"kind": "media", "path": str(ROOT / "data/sources/smoke")}]
    fetch.main(configure(Corpus, "smoke", sources), source)
    originals = list(items.read(source).values())
    for number in range(count):
        original = originals[number % len(originals)]
        name = f"{original.name}-{number:03}"
        shutil.copytree(original, raw / name)
        record = Source.model_validate_json((original / "item.json").read_text())
        (raw / name / "item.json").write_text(record.model_copy(update={"item": name}).model_dump_json())


def run_once(raw: Path, out: Path, workers: int) -> None:
    """Transcribe `raw` here, and print what it took as JSON."""
    params = parse({"language": "en"}, Transcribe, "benchmark")
    began = time.perf_counter()
    transcribe.main(params, raw, out, compute=replace(IN_PROCESS, workers=workers))
    wall = time.perf_counter() - began
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu = sum(u.ru_utime + u.ru_stime for u in usage)
    print(json.dumps({"wall": wall, "cpu": cpu, "mb": max(u.ru_maxrss for u in usage) / 1024}))


def measure(raw: Path, out: Path, workers: int) -> dict[str, float]:
    """Transcribe in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("OMP_NUM_THREADS", None)  # or each way had as many threads as the caller chose
    command = [sys.executable, __file__, "--once", str(raw), str(out), str(workers)]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT)
    return json.loads(done.stdout.splitlines()[-1])


def main(count: int, workers: int, rounds: int) -> None:
    """Print the comparison."""
    with tempfile.TemporaryDirectory() as scratch:
        raw = Path(scratch) / "raw"
        make_recordings(raw, count)
        ways = (0, 1, workers)
        taken: dict[int, list[dict[str, float]]] = {way: [] for way in ways}
        outputs = set()
        for number in range(rounds):
            for way in ways:
                out = Path(scratch) / f"out-{way}-{number}"
                taken[way].append(measure(raw, out, way))
                outputs.add(tuple(p.read_bytes() for p in sorted(out.iterdir())))
    wall = {way: statistics.median(t["wall"] for t in taken[way]) for way in ways}
    print(f"{count} recordings, {os.cpu_count()} cores, median of {rounds}; same bytes: {len(outputs) == 1}")
    for way in ways:
        name = f"{way} workers" if way else "this process"
        cpu, mb = (statistics.median(t[key] for t in taken[way]) for key in ("cpu", "mb"))
        print(f"{name:<13} {wall[way]:6.1f} s  {cpu:6.1f} CPU s  {mb:5.0f} MB a process")
    print(f"{workers} workers are {wall[1] / wall[workers]:.2f} times as fast as 1,", end=" ")
    print(f"and {wall[0] / wall[workers]:.2f} times as fast as this process with all its threads")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--once"]:
        run_once(Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
    else:
        main(*(int(a) for a in (sys.argv[1:] + ["20", "2", "3"][len(sys.argv) - 1 :])))
