"""What stands for a model in an item's key."""

import hashlib
import json
from pathlib import Path

from lectern.core import io


def identify(model: str) -> str:
    """The name of a model as it is, or for a directory `sha256:` and a hash over the names and bytes of its files.

    So a directory may lie elsewhere on another machine, and another model in the same place is another model.
    """
    folder = Path(model)
    if not folder.is_dir():
        return model
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    listing = [(path.relative_to(folder).as_posix(), io.sha256(path)) for path in files]
    return "sha256:" + hashlib.sha256(json.dumps(listing).encode()).hexdigest()
