"""From what a report was made: the libraries, and how to find its commit.

A commit's own name cannot stand in a report that is a part of that commit, and DVC's run-cache may bring back a report
that was made on another branch from the same inputs. What can is the name that git gives to a file's content: it
follows from the bytes alone, and git finds every commit that brought it.
"""

import hashlib
import importlib.metadata
import platform

LIBRARIES = (
    "torch",
    "transformers",
    "tokenizers",
    "peft",
    "trl",
    "accelerate",
    "datasets",
    "faster-whisper",
    "evaluate",
    "rouge-score",
    "sacrebleu",
    "dvc",
    "hydra-core",
)
"""Those whose version may change what a report shows."""


def git_name(content: bytes) -> str:
    """The object name of a file with this content in git: SHA-1 of its length and bytes, 40 hex digits."""
    header = b"blob %d\0" % len(content)
    return hashlib.sha1(header + content, usedforsecurity=False).hexdigest()


def find_command(name: str) -> str:
    """What prints the commits that brought this content, the newest first."""
    return f"git log --all --oneline --find-object={name}"


def list_versions() -> list[tuple[str, str]]:
    """Python and the libraries that are installed here, with their versions."""
    found = [("Python", platform.python_version())]
    for name in LIBRARIES:
        try:
            found.append((name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
