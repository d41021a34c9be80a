"""Identify a model in an item's key."""

import hashlib
import json
from pathlib import Path

from lectern.core import io


def identify(model: str) -> str:
    """Return the name of a model; for a directory, return `sha256:` and a hash over its files' names and bytes.

    With the hash, the key is the same if the directory has another path on another machine, and it changes if another
    model is put into the directory.
    """
    folder = Path(model)
    if not folder.is_dir():
        return model
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    listing = [(path.relative_to(folder).as_posix(), io.sha256(path)) for path in files]
    return "sha256:" + hashlib.sha256(json.dumps(listing).encode()).hexdigest()
