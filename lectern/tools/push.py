"""Publish the exported model and the data set on the Hugging Face hub; without --really it only says what would happen.

Run: lectern push [--really] [--dirty]        (make push; a tool, no stage of the pipeline)
Reads section `publish` of params.yaml and models/export, whose cards it writes anew. The token comes from HF_TOKEN.
"""

import argparse
import sys
from pathlib import Path

from lectern.core.errors import LecternError
from lectern.publishing import consent, pushing, writing
from lectern.tools import export


def main(*, really: bool, dirty: bool, root: Path = Path()) -> list[str]:
    """Say what would be uploaded and what stands against it, or upload it.

    Raises:
        LecternError: nothing is exported; or, with `really`, consent or a licence is missing, the working tree has
            changes that are in no commit, or the hub refuses.
    """
    out = root / export.OUT
    if not out.is_dir():
        raise LecternError(f"{out} does not exist. `make export` writes it.")
    known, chosen = writing.write(root, out), writing.load_settings(root)
    uploads = pushing.plan(out, chosen)
    problems = consent.list_problems(known, chosen)
    if known.dirty and not dirty:
        problems.append("the working tree has changes that are in no commit: commit them, or give --dirty")
    if really:
        if problems:
            raise LecternError("nothing is pushed:\n" + "\n".join(f"  - {problem}" for problem in problems))
        return [
            pushing.push(
                upload, known, private=chosen.private, say=lambda told: print(f"push: {told}", flush=True)
            )
            for upload in uploads
        ]
    lines = [line for upload in uploads for line in pushing.describe(upload, chosen.private)]
    lines += ["before it can be pushed:", *(f"  - {problem}" for problem in problems)] if problems else []
    return [*lines, "nothing was pushed; `make push ARGS=--really` does it"]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--really", action="store_true", help="upload")
    parser.add_argument("--dirty", action="store_true", help="though the working tree is not committed")
    given = parser.parse_args()
    try:
        print("\n".join(f"push: {line}" for line in main(really=given.really, dirty=given.dirty)))
    except LecternError as error:
        sys.exit(f"push: error: {error}")
