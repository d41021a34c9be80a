"""The locks: one version of each package for every Python, so that what was tried on one is what runs on the others."""

from collections import defaultdict
from pathlib import Path

import pytest
from packaging.requirements import Requirement

TWO_VERSIONS: dict[str, str] = {}
"""A package that the locks give in two versions -> why no single one runs on every Python from 3.11 on."""


def read(lock: str) -> list[Requirement]:
    """The requirements of a lock, without their hashes."""
    lines = Path(lock).read_text(encoding="utf-8").splitlines()
    return [Requirement(line.rstrip(" \\")) for line in lines if line and not line.startswith((" ", "#"))]


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-all.lock", "requirements-whisperx.lock"])
def test_a_package_has_one_version_for_all_pythons_or_a_reason(lock: str) -> None:
    versions = defaultdict(set)
    for requirement in read(lock):
        versions[requirement.name].add(str(requirement.specifier))
    several = {name for name, found in versions.items() if len(found) > 1}
    assert len(versions) > 50
    assert several <= set(TWO_VERSIONS), (
        "`make lock` chose them; say why, or constrain them in pyproject.toml"
    )


def test_both_environments_have_the_same_version_of_what_decides_bytes() -> None:
    # A recording that is decoded by either is the same samples.
    ours, theirs = (
        {r.name: str(r.specifier) for r in read(f"requirements{kind}.lock")} for kind in ("", "-whisperx")
    )
    assert {name: ours[name] for name in ("av", "numpy")} == {name: theirs[name] for name in ("av", "numpy")}


def test_the_extras_add_to_what_setup_installs_and_change_nothing_of_it() -> None:
    setup, everything = (
        {(r.name, str(r.specifier), str(r.marker)) for r in read(f"requirements{kind}.lock")}
        for kind in ("", "-all")
    )
    assert setup < everything
