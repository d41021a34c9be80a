"""Write the newest commit of each base model into its file, so that its weights cannot change under the experiment."""

import re
from collections.abc import Sequence
from pathlib import Path

import click
from omegaconf import OmegaConf

from lectern.core.errors import LecternError
from lectern.core.io import write_text
from lectern.tools.terminal import Command, tell

COMMIT = re.compile(r"[0-9a-f]{40}")
REVISION = re.compile(r"^revision:[ \t]*[^\s#]*", re.MULTILINE)
BRANCH = "main"


def main(names: Sequence[str], folder: Path) -> str:
    """Pin the named models, or all from a hub. A model that fails keeps its revision, and the others are pinned.

    Raises:
        LecternError: a name is unknown or its model does not come from a hub (then nothing is written), or a model
            could not be pinned (the others were).
    """
    chosen = _choose(names, folder)
    lines, failures = [], []
    for file, hub_id in chosen.items():
        try:
            lines.append(f"{file.stem}: {_pin(file, hub_id)}")
        except LecternError as error:
            failures.append(f"{file.stem}: {error}")
    if failures:
        raise LecternError(
            "\n".join([*lines, *failures, f"{len(failures)} of {len(chosen)} models could not be pinned"])
        )
    return "\n".join(lines) or f"no model in {folder} comes from a hub"


def _choose(names: Sequence[str], folder: Path) -> dict[Path, str]:
    """File and hub id of each model to pin."""
    known = {}
    for path in sorted(folder.glob("*.yaml")):
        values = OmegaConf.load(path)
        if values.source == "hub" and not Path(values.hub_id).is_dir():
            known[path.stem] = (path, values.hub_id)
    if wrong := [name for name in names if name not in known]:
        raise LecternError(
            f"{', '.join(wrong)}: {folder} has no such base model that comes from a hub; "
            f"choose one of {', '.join(known) or 'none'}"
        )
    return dict(known[name] for name in names or known)


def _pin(file: Path, hub_id: str) -> str:
    """Write the commit into the file. Returns what changed."""
    text = file.read_text(encoding="utf-8")
    found = REVISION.search(text)
    if found is None:
        raise LecternError(f"{file} has no line `revision:`; add `revision: null`")
    before = found[0].partition(":")[2].strip(" \t'\"")
    named = before not in ("", "null", "~")
    after = newest_commit(hub_id, before if named and not COMMIT.fullmatch(before) else BRANCH)
    if before == after:
        return f"{after}, as before"
    write_text(file, REVISION.sub(f"revision: {after}", text, count=1))
    return f"{after}, before {before}" if named else after


def newest_commit(hub_id: str, revision: str = BRANCH) -> str:
    """The commit that a branch or tag of a model on the hub currently refers to.

    Raises:
        LecternError: the hub refuses or does not answer, or its answer is not a commit.
    """
    from huggingface_hub import HfApi

    from lectern.models import hub

    try:
        commit = HfApi().model_info(hub_id, revision=revision, timeout=30).sha
    except Exception as error:
        if not hub.is_refusal(error):
            raise
        raise LecternError(hub.why_not(hub_id, revision, error)) from error
    if commit is None or not COMMIT.fullmatch(commit):
        raise LecternError(
            f"the hub gave {commit!r} for {hub_id}, which is not a commit (40 hexadecimal digits)"
        )
    return str(commit)


@click.command(
    "pin", cls=Command, examples=("lectern pin", "lectern pin mistral_7b_instruct && lectern params")
)
@click.argument(
    "names",
    metavar="[NAME]...",
    nargs=-1,
    help="The name of a file in conf/base_model without its ending. All models that come from a hub if none is given.",
)
def command(names: tuple[str, ...]) -> None:
    """Write the newest commit of each base model into its file.

    So its weights cannot change under the experiment. A branch or tag in `revision` becomes its commit; where there is
    none, or a commit already, it is the newest commit of the main branch. Reads and writes conf/base_model;
    `lectern params` takes the commits up.
    """
    tell(main(names, Path("conf/base_model")))
