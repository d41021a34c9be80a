"""How the text of documents is read: section `extract` of params.yaml."""

from collections.abc import Iterator
from dataclasses import dataclass

from lectern.settings import checks

ENGINES = ("none", "rapidocr")


@dataclass(frozen=True)
class Extract:
    """Section `extract`: how the text of pages and documents is read."""

    max_megabytes: float
    """Greatest size of a document's text, decompressed and with its markup. PDF files are read page by page and may be
    of any size. Unit: megabytes."""
    ocr: str
    """What recognises the text of those pages of PDF files that are pictures: "none", or "rapidocr", which needs the
    extra `ocr`. The manifest of data/documents names the pages that were recognised, and those without text."""
    allow_failed: float
    """Share of the documents, from 0 to 1, that may fail before the stage fails."""

    def __post_init__(self) -> None:
        checks.refuse(self._find_problems())

    def _find_problems(self) -> Iterator[str]:
        if not self.max_megabytes > 0:
            yield f"max_megabytes is {self.max_megabytes}; it must be above 0 (20 is a shelf of books)"
        if self.ocr not in ENGINES:
            yield f"ocr is {self.ocr!r}; choose one of {', '.join(ENGINES)}"
        yield from checks.share("allow_failed", self.allow_failed)
