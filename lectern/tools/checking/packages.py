"""Whether the packages that pyproject.toml asks for are here, in versions that fit."""

import importlib.metadata
import platform
import re
import sys
import tomllib
from collections.abc import Collection, Iterator
from pathlib import Path

from packaging.requirements import Requirement

from lectern.tools.checking.finding import MISSING, NOTE, OK, Finding

USES = {
    "search": "`lectern search`",
    "apps": "`lectern review` and `lectern chat`",
    "serve": "`lectern serve` on a CPU",
    "publish": "`lectern export` and `lectern push`",
    "browser": "web pages that JavaScript makes",
    "cluster": "compute=ray",
    "harness": "forget.tasks",
    "ocr": "extract.ocr=rapidocr",
    "notebooks": "notebooks/ and `lectern plots`",
    "dev": "`make test` and `make check`",
}
"""Extra -> what needs it, where the pipeline does not."""
NAMED = 3
"""Packages that differ from the lock and are named."""


def check_python() -> Finding:
    """The Python that runs this."""
    return Finding(OK, f"Python {platform.python_version()} ({sys.executable})")


def check_extras(needed: Collection[str], pyproject: Path = Path("pyproject.toml")) -> Iterator[Finding]:
    """A finding for the packages that everything needs, and one for each extra.

    Args:
        needed: extras that the configuration needs.
        pyproject: that lists the packages.
    """
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    extras = {
        name: [Requirement(line) for line in lines]
        for name, lines in project["optional-dependencies"].items()
    }
    main = {extra for requirement in extras.pop("main", []) for extra in requirement.extras}
    every = {extra for requirement in extras.pop("all", []) for extra in requirement.extras}
    commands = {name: "make setup" if name in main else "make extras" for name in main | every}
    base = [Requirement(line) for line in project["dependencies"]]
    yield _check("packages that all commands need", base, True, "make setup")
    for name, requirements in extras.items():
        use = f" (for {USES[name]})" if name in USES else ""
        by_hand = f"pip install {' '.join(repr(str(one)) for one in requirements)}"
        command = commands.get(name, by_hand)
        yield _check(f"packages of the extra {name}{use}", requirements, name in needed, command)


def _check(what: str, requirements: list[Requirement], needed: bool, command: str) -> Finding:
    wanted = [one for one in requirements if one.marker is None or one.marker.evaluate()]
    problems = [problem for one in wanted if (problem := find_problem(one))]
    if not problems:
        return Finding(OK, f"{what}: {len(wanted)}")
    return Finding(
        MISSING if needed else NOTE, f"{what}: {'; '.join(problems)}", f"`{command}` installs them"
    )


def find_problem(requirement: Requirement) -> str | None:
    """What is wrong with a package; None where a version that fits is installed."""
    try:
        version = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return f"{requirement.name} is not installed"
    if requirement.specifier.contains(version, prereleases=True):
        return None
    return f"{requirement.name} is {version}, and {requirement.specifier} is asked for"


def check_lock(lock: Path = Path("requirements.lock")) -> Finding:
    """Whether the versions are those that the committed figures were made with."""
    differing = []
    pins = read_lock(lock.read_text(encoding="utf-8"))
    for name, version in pins.items():
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found = "not installed"
        if found != version:
            differing.append(f"{name} is {found}, not {version}")
    if not differing:
        return Finding(OK, f"all {len(pins)} packages are those of {lock}")
    more = f", and {len(differing) - NAMED} more" if len(differing) > NAMED else ""
    return Finding(
        NOTE,
        f"{len(differing)} packages are not those of {lock} ({'; '.join(differing[:NAMED])}{more})",
        "outputs may differ from the committed ones. `rm .venv/.installed && make setup` installs the locked ones",
    )


def read_lock(text: str) -> dict[str, str]:
    """Name -> version of each package that a lock has for this Python and system."""
    pins = {}
    for line in text.splitlines():
        if re.match(r"[A-Za-z0-9]", line):
            requirement = Requirement(line.removesuffix("\\").strip())
            [pin] = requirement.specifier
            if requirement.marker is None or requirement.marker.evaluate():
                pins[requirement.name] = pin.version
    return pins
