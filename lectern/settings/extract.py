"""How the text of documents is read: section `extract` of params.yaml."""

from dataclasses import dataclass

from lectern.settings.checks import check_share


@dataclass(frozen=True)
class Extract:
    """Section `extract`."""

    max_megabytes: float
    """Most megabytes of a document's text, decompressed and with its markup. PDF files are read page by page and may be
    of any size."""
    allow_failed: float
    """Share of the documents, 0 to 1, that may fail before the stage fails."""

    def __post_init__(self) -> None:
        check_share("allow_failed", self.allow_failed)
        if self.max_megabytes <= 0:
            raise ValueError(
                f"max_megabytes is {self.max_megabytes}; it must be above 0 (20 is a shelf of books)"
            )
