"""Record what a report was made from: the versions of libraries, and how to find its commit.

A report that belongs to a commit cannot contain the hash of that commit, and DVC's run cache may restore a report that
was made on another branch from the same inputs. The report therefore contains git's object name of a file, which
depends only on the file's bytes, and by which git finds every commit that added it.
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
"""Libraries whose versions may change the figures of a report."""


def git_name(content: bytes) -> str:
    """Return git's object name of a file with this content: SHA-1 of its length and bytes, 40 hex digits."""
    header = b"blob %d\0" % len(content)
    return hashlib.sha1(header + content, usedforsecurity=False).hexdigest()


def find_command(name: str) -> str:
    """Return the command that prints the commits which added this content, the newest first."""
    return f"git log --all --oneline --find-object={name}"


def list_versions() -> list[tuple[str, str]]:
    """Return the versions of Python and of the installed libraries."""
    found = [("Python", platform.python_version())]
    for name in LIBRARIES:
        try:
            found.append((name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
