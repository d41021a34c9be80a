"""Compare what the numeric engines compute on several kinds of x86-64 processor.

Run: python -m tests.portable.compare [ENGINE ...]        (from the root of the repository; about 40 minutes for all)
Computes each engine of engines.py on this processor and on an Intel and an AMD one that `qemu-x86_64` (Debian's package
qemu-user) emulates, and prints for each engine "the same on 3 processors" or the first result that differs. The
committed hashes count as one more processor. Exit status 1 if anything differs.

--write      only write this processor's hashes to hashes.json, as is needed when versions of libraries have changed.
--native     let each library choose its instructions, to see what differs without `compute.instructions: portable`.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from lectern.core import instructions
from tests.portable.engines import ENGINES

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
EXPECTED = HERE / "hashes.json"
EMULATED = ("Haswell", "EPYC-Rome")
"""Models of qemu's: an Intel processor of 2013 and an AMD one of 2019, both with AVX2 and without AVX-512."""

LIBRARIES = (
    *(
        "numpy",
        "scipy",
        "scikit-learn",
        "av",
        "kaldi-native-fbank",
        "ctranslate2",
        "faster-whisper",
        "onnxruntime",
    ),
    *("torch", "transformers", "tokenizers", "safetensors", "peft", "trl", "accelerate"),
)
"""Distributions that decide the hashes."""

Hashes = Mapping[str, Mapping[str, str]]
"""Engine -> result -> hash."""


def find_emulator() -> str | None:
    """Return the path of qemu's user mode emulator; None if it is not installed, or this is no x86-64 Linux."""
    on_linux = sys.platform == "linux" and platform.machine() == "x86_64"
    return shutil.which("qemu-x86_64") if on_linux else None


def get_command(cpu: str | None, engines: Sequence[str]) -> list[str]:
    """Return the command that computes these engines, on this processor or on one that is emulated."""
    # The interpreter itself: the environment's link to it is not found under the emulator.
    python = (
        [sys.executable]
        if cpu is None
        else [str(find_emulator()), "-cpu", cpu, os.path.realpath(sys.executable)]
    )
    return [*python, "-m", "tests.portable.engines", *engines]


def compute(
    cpu: str | None, engines: Sequence[str], choice: str = "portable"
) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield (engine, its hashes) of each engine, or of all. Each has a process of its own, as each stage has."""
    for engine in engines or ENGINES:
        yield from _compute_one(cpu, engine, choice)


def _compute_one(cpu: str | None, engine: str, choice: str) -> Iterator[tuple[str, dict[str, str]]]:
    clean = {name: value for name, value in os.environ.items() if name not in instructions.PORTABLE}
    environment = {**clean, instructions.CHOSEN: choice, "PYTHONWARNINGS": "ignore"}
    if cpu is not None:
        environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), sysconfig.get_path("purelib")])
    command = get_command(cpu, [engine])
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for line in process.stdout:
            found = json.loads(line)
            yield found["engine"], found["hashes"]
        errors = process.stderr.read()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with status {process.returncode}:\n{errors[-3000:]}")


def find_difference(one: Mapping[str, str], other: Mapping[str, str]) -> str | None:
    """Return the name of the first result that differs, in the order in which they are computed."""
    return next((name for name in [*one, *other] if one.get(name) != other.get(name)), None)


def read_expected() -> Hashes:
    """Return the committed hashes."""
    known: Hashes = json.loads(EXPECTED.read_text(encoding="utf-8"))["hashes"]
    return known


def read_versions() -> dict[str, str]:
    """Return the versions of the libraries that decide the hashes, without the name of a build such as +cpu."""
    return {name: version(name).partition("+")[0] for name in LIBRARIES}


def find_other_versions() -> list[str]:
    """Return how the installed libraries differ from those with which the committed hashes were made."""
    known = json.loads(EXPECTED.read_text(encoding="utf-8"))["versions"]
    here = read_versions()
    return [f"{name} is {here[name]}, not {known[name]}" for name in LIBRARIES if here[name] != known[name]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Compute, compare and print; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("engines", nargs="*")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--native", action="store_true")
    asked = parser.parse_args(arguments)
    choice = "native" if asked.native else "portable"
    here = dict(compute(None, asked.engines, choice))
    if asked.write:
        known = read_expected() if EXPECTED.is_file() else {}
        expected = {"versions": read_versions(), "hashes": {**known, **here}}
        EXPECTED.write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8")
        return 0
    others: dict[str, dict[str, Mapping[str, str]]] = {name: {} for name in here}
    if choice == "portable":
        for name, hashes in read_expected().items():
            if name in others:
                others[name]["the committed hashes"] = hashes
    if find_emulator() is None:
        print(
            "qemu-x86_64 is not installed, so no other processor is compared (Debian: apt install qemu-user)"
        )
    for cpu in EMULATED if find_emulator() else ():
        for name, hashes in compute(cpu, list(here), choice):
            others[name][cpu] = hashes
            print(f"{cpu}: {name}: {find_difference(here[name], hashes) or 'the same'}", file=sys.stderr)
    status = 0
    for name, hashes in here.items():
        different = {
            cpu: first for cpu, found in others[name].items() if (first := find_difference(hashes, found))
        }
        status |= bool(different)
        told = "; ".join(f"{first!r} differs from {cpu}" for cpu, first in different.items())
        same = f"the same on {len(others[name]) + 1} processors: this one, {', '.join(others[name])}"
        print(f"{name:12} {told or same}")
    return status


if __name__ == "__main__":
    sys.exit(main())
