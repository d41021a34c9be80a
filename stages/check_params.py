"""Check every section of params.yaml before anything is fetched, heard or paid for.

Run: python -m stages.check_params        (dvc stage: check_params)
Reads params.yaml, writes data/checked_params.txt, the names of the sections. `lectern params` checks the same, but
`dvc exp run` composes params.yaml by itself, and people edit it.
"""

from pathlib import Path

from lectern.core import io, paths, stage
from lectern.settings import sections


def main(parameters: Path = paths.PARAMS, out: Path = paths.CHECKED_PARAMS) -> str:
    """Write which sections there are. That is the same for all values that fit, so that no other stage runs for it.

    Raises:
        LecternError: a section does not fit; all faults are named.
    """
    sections.check(parameters)
    names = [*sections.SECTIONS, sections.FREE]
    io.write_text(out, "\n".join(names) + "\n")
    return f"{len(names)} sections fit"


if __name__ == "__main__":
    stage.run("check_params", main)
