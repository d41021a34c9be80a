"""xllamacpp is loaded where the system has no libgomp."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lectern.core.errors import LecternError
from lectern.llm import openmp
from tests.support.running import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="libgomp is Linux's")
WITHOUT = """
import sys
from lectern.core.errors import LecternError
from lectern.llm import openmp
try:
    import xllamacpp
    sys.exit("the system's libgomp is not hidden")
except ImportError:
    pass
try:
    openmp.load([])
except LecternError as error:
    print(error)
print(openmp.import_xllamacpp().Server.__name__)
"""


def hide_libgomp(command: list[str]) -> list[str]:
    """The command in a namespace of its own, where the system's libgomp is an empty file."""
    # it is not on the path of everybody
    ldconfig = shutil.which("ldconfig", path=f"{os.environ['PATH']}:/usr/sbin:/sbin") or "ldconfig"
    listed = subprocess.run([ldconfig, "-p"], capture_output=True, text=True).stdout
    found = {line.rpartition("=> ")[2] for line in listed.splitlines() if openmp.SONAME in line}
    hidden = "".join(f"mount --bind /dev/null '{Path(path).resolve()}' && " for path in found)
    return ["unshare", "--map-root-user", "--mount", "sh", "-c", f'{hidden}exec "$@"', "sh", *command]


def test_torchs_copy_stands_in_where_the_system_has_none() -> None:
    if (
        shutil.which("unshare") is None
        or subprocess.run(hide_libgomp(["true"]), capture_output=True).returncode
    ):
        pytest.skip("no namespace can be made here")
    done = subprocess.run(
        hide_libgomp([sys.executable, "-c", WITHOUT]), cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    refused, loaded = done.stdout.splitlines()
    assert "apt install libgomp1" in refused
    assert loaded == "Server"


def test_a_copy_counts_only_by_its_soname(tmp_path: Path) -> None:
    copies = openmp.find_copies()
    assert copies, "torch's wheel brings one"
    openmp.load(copies)
    wrong = tmp_path / "libgomp.so.1"
    wrong.write_bytes(b"no library")
    with pytest.raises(LecternError, match="which neither this system nor torch has"):
        openmp.load([wrong, *copies], soname="libgomp-of-nobody.so.9")
