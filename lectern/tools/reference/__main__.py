"""Write the generated pages and the picture of the pipeline into docs/.

Run: python -m lectern.tools.reference        (`make docs` does, before it builds the site)
Reads dvc.yaml and conf/; writes the files of `PAGES`. They belong to git, and a test holds them up to date.
"""

from collections.abc import Callable
from pathlib import Path

from lectern.core import io
from lectern.core.printing import say
from lectern.tools.reference import commands, files, parameters, picture, pipeline, stages

PAGES: dict[str, Callable[[pipeline.Pipeline], str]] = {
    "docs/reference/stages.md": stages.write,
    "docs/reference/files.md": files.write,
    "docs/images/pipeline.svg": picture.draw,
    "docs/reference/commands.md": lambda _: commands.write_commands(),
    "docs/reference/parameters.md": lambda _: parameters.write(),
}
"""Path of a generated file -> what writes its text."""


def main(root: Path) -> list[str]:
    """Write every page below `root`; return the paths of those that changed."""
    found = pipeline.read(root)
    changed = []
    for path, write in PAGES.items():
        text = write(found)
        if not (root / path).is_file() or (root / path).read_text(encoding="utf-8") != text:
            io.write_text(root / path, text)
            changed.append(path)
    return changed


if __name__ == "__main__":
    say("reference: " + (", ".join(main(Path())) or "every page is up to date"))
