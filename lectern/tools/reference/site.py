"""The hook of mkdocs: files outside docs/ become pages of the site, and links to them lead there.

On GitHub a page of docs/ links to `../data/labels/README.md`, and on the site to the page of that name. A link to a
file that is no page, such as code, leads to the repository where mkdocs.yml knows its address (`repo_url`), and is
plain text otherwise.
"""

import posixpath
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
DOCS = "docs/"
PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "dev/LOG.md": "log.md",
    "data/corrections/README.md": "data/corrections.md",
    "data/evals/README.md": "data/evals.md",
    "data/general/README.md": "data/general.md",
    "data/labels/README.md": "data/labels.md",
    "data/listings/README.md": "data/listings.md",
    "data/openings/README.md": "data/openings.md",
    "data/sources/README.md": "data/sources.md",
    "models/adapters/README.md": "data/adapters.md",
}
"""A file of the repository outside docs/ -> its page in the site."""
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+)\)")
CODE = re.compile(r"(^ *```.*?^ *```|(?<!\[)`[^`\n]+`)", re.MULTILINE | re.DOTALL)


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that lie outside docs/."""
    from mkdocs.structure.files import File

    for path, page in PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / path).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Point the links of a page to pages of the site."""
    sources = {target: path for path, target in PAGES.items()}
    source = sources.get(page.file.src_uri, DOCS + page.file.src_uri)
    return point_links(markdown, source, config.repo_url or "")


def point_links(markdown: str, source: str, repository: str) -> str:
    """The text of a page with its links as the site needs them; what stands in code stays.

    Args:
        markdown: as it stands in the repository.
        source: its path in the repository.
        repository: address of the repository; empty where none is known.
    """
    parts = CODE.split(markdown)
    return "".join(
        part
        if number % 2
        else LINK.sub(lambda found: _point(found[1], found[2], found[3], source, repository), part)
        for number, part in enumerate(parts)
    )


def _point(mark: str, text: str, target: str, source: str, repository: str) -> str:
    path, hash_, anchor = target.partition("#")
    if not path or ":" in path:
        return f"{mark}[{text}]({target})"
    found = resolve(path, source)
    page = PAGES.get(found) or (found.removeprefix(DOCS) if found.startswith(DOCS) else None)
    if page is None:
        return f"[{text}]({repository.rstrip('/')}/blob/main/{found})" if repository else text
    here = PAGES.get(source) or source.removeprefix(DOCS)
    return f"{mark}[{text}]({posixpath.relpath(page, posixpath.dirname(here))}{hash_}{anchor})"


def resolve(path: str, source: str) -> str:
    """The path in the repository that a relative link in the file `source` means."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
