"""What the stages took on this machine: seconds and memory. Neither git nor DVC keeps it.

`metrics/runtime/<stage>.json` is the last run of a stage. The same figures lie under `metrics/runtime/history`, by the
hash of what the stage wrote, so that a revision whose outputs were made on this machine has its times after a checkout.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lectern.core.io import write_json

FOLDER = Path("metrics/runtime")
HISTORY = "history"
_EXPERIMENTS = (".dvc", "tmp", "exps")
"""Where DVC runs experiments in copies of the repository, which it removes afterwards."""


def write(folder: Path, stage: str, figures: Mapping[str, Any], root: Path) -> None:
    """Write what a run of a stage took, after all its outputs.

    Args:
        folder: the stage's figures are written below it.
        stage: name of the stage.
        figures: name -> value.
        root: the folder of dvc.yaml. If it is the copy in which DVC runs an experiment, the history of the repository
            itself gets the figures too.
    """
    write_json(folder / f"{stage}.json", dict(figures))
    if outputs := _hash_outputs(root, stage):
        for place in {folder, *(home / FOLDER for home in _find_home(root))}:
            write_json(_find_place(place, stage, outputs), dict(figures))


def read(folder: Path, outputs: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, Any]]:
    """Return stage -> what it took when these outputs were last made on this machine; without stages never run here.

    Args:
        folder: that of `write`.
        outputs: stage -> output -> hash, as `list_outputs` returns it.
    """
    found = {}
    for stage, hashes in outputs.items():
        figures = read_file(_find_place(folder, stage, hashes))
        if figures:
            found[stage] = figures
    return found


def read_file(path: Path) -> dict[str, Any]:
    """Return the figures of a file; empty if there is none that can be read. The file matters to no result."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def list_outputs(lock: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return stage -> output -> hash, from the content of a dvc.lock."""
    return {
        stage: {out["path"]: str(out.get("md5", "")) for out in entry.get("outs", [])}
        for stage, entry in lock.get("stages", {}).items()
    }


def hash_output(path: Path) -> str | None:
    """Return the hash that DVC writes into dvc.lock for a file or a folder; None if there is neither."""
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "md5").hexdigest()
    if not path.is_dir():
        return None
    files = sorted((file.relative_to(path).as_posix(), file) for file in path.rglob("*") if file.is_file())
    listed = [{"md5": hash_output(file), "relpath": name} for name, file in files]
    return hashlib.md5(json.dumps(listed, sort_keys=True).encode()).hexdigest() + ".dir"


def _find_place(folder: Path, stage: str, outputs: Mapping[str, str]) -> Path:
    digest = hashlib.sha256(json.dumps(dict(outputs), sort_keys=True).encode()).hexdigest()
    return folder / HISTORY / stage / f"{digest[:32]}.json"


def _hash_outputs(root: Path, stage: str) -> dict[str, str]:
    """Return output -> hash of a stage of dvc.yaml; empty if there is no such stage, or an output is missing."""
    import yaml

    try:
        pipeline = yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))
        described = pipeline["stages"][stage]
    except (OSError, yaml.YAMLError, KeyError, TypeError):  # the stage runs outside the pipeline
        return {}
    hashes = {path: hash_output(root / path) for path in name_outputs(described)}
    return {path: found for path, found in hashes.items() if found} if all(hashes.values()) else {}


def name_outputs(described: Mapping[str, Any]) -> list[str]:
    """Return the paths of all outputs of a stage of dvc.yaml, its metrics and plots included."""
    return [
        out if isinstance(out, str) else next(iter(out))
        for kind in ("outs", "metrics", "plots")
        for out in described.get(kind, [])
    ]


def _find_home(root: Path) -> Iterator[Path]:
    """Yield the repository whose experiment runs in `root`, if `root` is such a copy."""
    parts = root.resolve().parts
    for at in range(len(parts) - len(_EXPERIMENTS)):
        if parts[at : at + len(_EXPERIMENTS)] == _EXPERIMENTS:
            yield Path(*parts[:at])
            return
