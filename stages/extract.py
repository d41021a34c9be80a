"""Read the text of each page and document of the corpus, with its headings and pages.

Run: python -m stages.extract        (dvc stage: extract)
Reads data/raw, writes data/documents: one JSON per page or document and the manifest; and metrics/documents.json.
"""

import functools
from dataclasses import dataclass
from pathlib import Path

from lectern.core import io, items, params, stage
from lectern.core.compute import IN_PROCESS, Compute
from lectern.formats import extraction


@dataclass(frozen=True)
class ExtractParams:
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


def main(
    params: ExtractParams, raw: Path, out: Path, metrics: Path, compute: Compute = IN_PROCESS
) -> items.SyncResult:
    """Bring `out` to exactly one document per item of `raw` that has one, and write what they come to."""
    result = items.sync(
        extraction.find(raw),
        out,
        functools.partial(extraction.load, max_megabytes=params.max_megabytes),
        suffix=".json",
        params={"max_megabytes": params.max_megabytes},
        code=(extraction,),
        libraries=extraction.LIBRARIES,
        allow_failed=params.allow_failed,
        compute=compute,
    )
    io.write_json(metrics, extraction.summarise(items.facts(out)))
    return result


if __name__ == "__main__":
    stage.run(
        "extract",
        lambda: main(
            params.load("extract", ExtractParams),
            Path("data/raw"),
            Path("data/documents"),
            Path("metrics/documents.json"),
            params.load("compute", Compute),
        ),
    )
