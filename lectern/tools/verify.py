"""Rebuild a revision from nothing in a folder apart, and compare every output with the committed one."""

import platform
import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import click

from lectern.core import revisions
from lectern.core.printing import one_line
from lectern.report import wording
from lectern.tools.terminal import Command, InterruptionError, tell
from lectern.tools.verifying import differences, figures, rebuild, revision
from lectern.tools.verifying.differences import Comparison
from lectern.tools.verifying.revision import Committed

LISTED = 5
"""How many figures, inputs and packages are listed; all are counted."""
SAME_BYTES = ("x86_64", "amd64")
"""The machines on which the same bytes are to be expected, as Linux and macOS, and as BSD call them."""


def main(name: str | None, root: Path, *, until: str | None = None, keep: bool = False) -> int:
    """Rebuild and compare. Returns 0 if every output has the committed bytes, else 1.

    Args:
        name: a revision; None for HEAD, whose lock must be that of the working tree.
        root: the folder of dvc.yaml.
        until: the last stage that is rebuilt; None for all.
        keep: whether the folder of the rebuild stays.

    Raises:
        LecternError: there is no such revision, it was not run to its end, an input is missing, or a stage failed.
        InterruptionError: Ctrl-C.
    """
    found = revisions.find(name or "HEAD", root)
    if name is None:
        revision.refuse_uncommitted(root)
    committed = revision.read(found, name or "HEAD", until)
    try:
        with rebuild.open_folder(keep=keep) as folder:
            try:
                return _verify(committed, folder, until)
            finally:
                if keep:
                    tell(
                        f"The rebuild is in {folder / 'repository'}, and what it printed in {folder / rebuild.LOG}"
                    )
    except KeyboardInterrupt as error:
        kept = "the folder of the rebuild is kept" if keep else "nothing is left of the rebuild"
        raise InterruptionError(kept) from error


def _verify(committed: Committed, folder: Path, until: str | None) -> int:
    total = sum(map(len, committed.outputs.values()))
    tell(
        f"Rebuilding {committed.name} ({committed.revision.commit[:10]}) from nothing in {folder}: "
        f"{wording.count(total, 'output')} of {wording.count(len(committed.stages), 'stage')}."
    )
    root = rebuild.check_out(committed, folder)
    notes = [*_describe_stale(rebuild.list_stale(root, committed)), *_describe_packages(root)]
    tell(*notes)
    rebuilt = rebuild.run(root, committed, until, folder / rebuild.LOG)
    found = differences.compare(committed, rebuilt)
    up_to = f", up to the stage {until}" if until else ""
    tell("", f"{found.equal} of {found.total} outputs have the committed bytes{up_to}.")
    if not found.changed:
        return 0
    tell(*_describe_differences(committed, found, root, folder))
    tell(*_describe_figures(committed, root))
    tell(*_describe_machine(), *notes)
    return 1


def _describe_stale(stale: list[str]) -> Iterator[str]:
    if stale:
        yield (
            f"Note: dvc.lock was not made with what this revision has ({_list(stale)}), so other outputs would be no "
            "surprise. `make run` there brings it up to date."
        )


def _describe_packages(root: Path) -> Iterator[str]:
    """Name the packages that this environment has in other versions than the revision locks."""
    path = root / "requirements.lock"
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    locked: dict[str, set[str]] = {}
    for package, version in re.findall(r"(?m)^([\w.-]+)==([^\s;\\]+)", text):
        locked.setdefault(package, set()).add(version)
    others = []
    for package, versions in locked.items():
        try:
            here = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
        if here not in versions:
            others.append(f"{package} {here} instead of {' or '.join(sorted(versions))}")
    if others:
        yield (
            f"Note: this environment has {_list(others)}, which the revision's requirements.lock does not name. "
            "Verify it in an environment made by its own `make setup`."
        )


def _list(names: list[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(one_line(name) for name in names[:LISTED]) + more


def _describe_differences(committed: Committed, found: Comparison, root: Path, folder: Path) -> Iterator[str]:
    first, *_ = found.changed
    with committed.revision.outputs() as copy:
        for stage in dict.fromkeys([first, *found.by_themselves]):
            paths = found.changed[stage]
            how = "differs first" if stage == first else "differs too, although it read the same"
            yield f"The stage {stage} {how}: {len(paths)} of {len(committed.outputs[stage])} of its outputs."
            for number, path in enumerate(paths):
                place = folder / "committed" / stage / str(number) / Path(path).name
                for line in differences.describe_output(path, root / path, copy, place):
                    yield f"  {line}"
    after = [stage for stage in found.changed if stage not in {first, *found.by_themselves}]
    if after:
        yield f"Stages that differ after it, since they read what differs: {', '.join(after)}."


def _describe_figures(committed: Committed, root: Path) -> Iterator[str]:
    paths = [
        path
        for hashes in committed.outputs.values()
        for path in hashes
        if path.startswith("metrics/") and path.endswith(".json")
    ]
    before = {path: committed.revision.read(path) for path in paths}
    after = {
        path: (root / path).read_text(encoding="utf-8") if (root / path).is_file() else None for path in paths
    }
    found = figures.compare(before, after)
    inside = found.measured - len(found.outside)
    if found.measured:
        yield (
            f"Figures: {inside:,} of the {found.measured:,} that have an interval agree: the rebuilt value lies in the "
            "committed interval."
        )
    for one in found.outside[:LISTED]:
        yield f"  outside: {one.name} is {one.after}, committed {one.before}"
    if len(found.outside) > LISTED:
        yield f"  and {len(found.outside) - LISTED:,} more"
    if found.others:
        such = [f", such as {one.name}: {one.after}, committed {one.before}" for one in found.changed[:1]]
        yield f"Of {found.others:,} figures without an interval, {len(found.changed):,} differ{''.join(such)}."


def _describe_machine() -> Iterator[str]:
    """Say where other bytes are to be expected."""
    if platform.machine() not in SAME_BYTES:
        yield (
            f"This is a machine of the kind {platform.machine()}. Only on {SAME_BYTES[0]} are the same bytes to be "
            "expected; elsewhere the figures say whether the revision holds."
        )
    try:
        from lectern.models.devices import device

        used = str(device())
    except ImportError:
        return
    if used != "cpu":
        yield (
            f"This machine has a GPU ({used}), which rounds differently. There, the figures say whether the revision "
            "holds. Without it (CUDA_VISIBLE_DEVICES=) the bytes can be compared."
        )


@click.command(
    "verify",
    cls=Command,
    examples=("lectern verify", "lectern verify v0.2 --until train", "lectern verify main --keep"),
)
@click.argument(
    "rev", required=False, help="A commit, a branch, a tag or a DVC experiment. HEAD if it is not given."
)
@click.option("--until", metavar="STAGE", help="Rebuild up to this stage only, with all that it needs.")
@click.option("--keep", is_flag=True, help="Leave the folder of the rebuild, and say where it is.")
def command(rev: str | None, until: str | None, keep: bool) -> None:
    """Rebuild a revision from nothing elsewhere, and compare every output with the committed one.

    The revision is checked out into a temporary folder (TMPDIR says where) with an empty cache, and `dvc repro` runs
    there. Then the hash of each output is compared with that in the revision's dvc.lock. If any differs: which stage
    is the first, which of its files, by what; and whether the figures lie in their committed intervals. The working
    tree is not touched. The exit status is 0 if every output is equal, and 1 if not.
    """
    click.get_current_context().exit(main(rev, Path(), until=until, keep=keep))
