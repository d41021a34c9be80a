"""In portable mode every engine computes the committed bytes, on whatever x86-64 processor the tests run."""

import platform

import pytest

from tests.portable import compare
from tests.portable.engines import ENGINES

pytestmark = pytest.mark.skipif(
    platform.machine().lower() not in ("x86_64", "amd64"), reason="the committed bytes are those of x86-64"
)


def test_the_committed_hashes_are_those_of_the_installed_libraries() -> None:
    assert compare.find_other_versions() == [], "run `python -m tests.portable.compare --write` once"
    assert set(compare.read_expected()) == set(ENGINES)


@pytest.mark.parametrize(
    "engines", [("sound", "likeness"), pytest.param(tuple(ENGINES), marks=pytest.mark.slow)], ids=len
)
def test_this_processor_computes_the_committed_bytes(engines: tuple[str, ...]) -> None:
    known = compare.read_expected()
    # NumPy takes some functions from the system's C library, and the committed bytes are those of Debian 12's
    chosen = [name for name in engines if name != "numpy" or platform.libc_ver() == ("glibc", "2.36")]
    for name, hashes in compare.compute(None, chosen):
        differs = compare.find_difference(known[name], hashes)
        assert differs is None, (
            f"{name}: {differs!r} is the first result with other bytes than the committed ones"
        )


@pytest.mark.slow
@pytest.mark.parametrize("cpu", compare.EMULATED)
def test_other_processors_compute_the_committed_bytes(cpu: str) -> None:
    if compare.find_emulator() is None:
        pytest.skip("qemu-x86_64 is not installed (Debian: apt install qemu-user)")
    known = compare.read_expected()
    for name, hashes in compare.compute(cpu, ["numpy", "sound", "training"]):
        differs = compare.find_difference(known[name], hashes)
        assert differs is None, (
            f"{cpu}: {name}: {differs!r} is the first result with other bytes than the committed ones"
        )
