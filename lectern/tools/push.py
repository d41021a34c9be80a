"""Publish the exported model and the data set on the Hugging Face hub. Without --really, only show what would happen.

Reads section `publish` of params.yaml and models/export, whose cards it writes anew. The token comes from HF_TOKEN.
"""

from pathlib import Path

import click

from lectern.core.errors import LecternError
from lectern.publishing import consent, pushing, writing
from lectern.tools import export
from lectern.tools.terminal import Command, tell


def main(*, really: bool, dirty: bool, root: Path = Path()) -> list[str]:
    """List what would be uploaded and what prevents it, or upload it.

    Raises:
        LecternError: nothing is exported; or, with `really`, consent or a licence is missing, the working tree has
            uncommitted changes, or the hub refuses.
    """
    out = root / export.OUT
    if not out.is_dir():
        raise LecternError(f"{out} does not exist. `lectern export` writes it.")
    known, chosen = writing.write(root, out), writing.load_settings(root)
    uploads = pushing.plan(out, chosen)
    problems = consent.list_problems(known, chosen)
    if known.dirty and not dirty:
        problems.append("the working tree has uncommitted changes: commit them, or pass --dirty")
    if really:
        if problems:
            raise LecternError("nothing is pushed:\n" + "\n".join(f"  - {problem}" for problem in problems))
        return [
            pushing.push(upload, known, private=chosen.private, say=lambda told: tell(f"push: {told}"))
            for upload in uploads
        ]
    lines = [line for upload in uploads for line in pushing.describe(upload, chosen.private)]
    lines += ["before a push is possible:", *(f"  - {problem}" for problem in problems)] if problems else []
    return [*lines, "nothing was pushed; `lectern push --really` does it"]


@click.command("push", cls=Command, examples=("lectern push", "lectern push --really"))
@click.option(
    "--really", is_flag=True, help="Upload. Without it the command only tells what would be uploaded."
)
@click.option(
    "--dirty", is_flag=True, help="Upload though the working tree has changes that are in no commit."
)
def command(really: bool, dirty: bool) -> None:
    """Publish the exported model and the data set on the Hugging Face hub.

    Reads section publish of params.yaml and models/export, whose cards it writes anew. The token comes from the
    variable HF_TOKEN. Nothing is uploaded without the consent of the people and a licence.
    """
    tell(*(f"push: {line}" for line in main(really=really, dirty=dirty)))
