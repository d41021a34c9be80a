"""How the text of documents is read: section `extract` of params.yaml."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Extract:
    """Section `extract`."""

    max_megabytes: float = 20.0
    """Size, in megabytes, of the text of one document, unpacked and with its markup; PDF files are read page by page
    and may be of any size."""
    allow_failed: float = 0.0
    """Share of the documents that may fail without failing the stage."""

    def __post_init__(self) -> None:
        if not 0 <= self.allow_failed <= 1:
            raise ValueError(f"allow_failed is {self.allow_failed}; it is a share, from 0 to 1")
        if self.max_megabytes <= 0:
            raise ValueError(
                f"max_megabytes is {self.max_megabytes}; it must be above 0 (20 is a shelf of books)"
            )
