"""Extract the text of each page and document of the corpus, with its headings and page numbers.

Run: python -m stages.extract        (dvc stage: extract)
Reads data/raw, writes data/documents (one JSON per page or document and the manifest) and metrics/documents.json.
"""

import functools
from pathlib import Path

from lectern.core import io, items, params, paths, stage
from lectern.core.compute import IN_PROCESS, Workers
from lectern.core.printing import warn
from lectern.formats import extraction
from lectern.settings.compute import Compute
from lectern.settings.extract import Extract


def main(
    settings: Extract,
    raw: Path = paths.RAW,
    out: Path = paths.DOCUMENTS,
    metrics: Path = paths.METRICS / "documents.json",
    compute: Workers = IN_PROCESS,
) -> items.SyncResult:
    """Bring `out` to exactly one document per item of `raw` that has one, and write the totals to `metrics`."""
    result = items.sync(
        extraction.find(raw),
        out,
        functools.partial(extraction.load, max_megabytes=settings.max_megabytes, engine=settings.ocr),
        suffix=".json",
        params={"max_megabytes": settings.max_megabytes, "ocr": settings.ocr},
        code=(extraction,),
        libraries=extraction.list_libraries(settings.ocr),
        allow_failed=settings.allow_failed,
        compute=compute,
        limits=extraction.find_limits(settings.ocr),
    )
    facts = items.facts(out)
    io.write_json(metrics, extraction.summarise(facts))
    if empty := extraction.find_empty_pages(facts):
        warn(f"extract: {empty}")
    return result


if __name__ == "__main__":
    stage.run(
        "extract",
        lambda: main(params.load("extract", Extract), compute=params.load("compute", Compute).for_items),
    )
