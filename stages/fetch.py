"""Bring every item of the corpus into data/raw, as it came and with its metadata.

Run: python -m stages.fetch        (dvc stage: fetch)
Reads the sources in section `corpus`, writes data/raw: one folder per item and the manifest.
"""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lectern.core import items, params, paths, stage
from lectern.core.items import SyncResult
from lectern.settings.corpus import Corpus
from lectern.sources import kinds


def main(settings: Corpus, out: Path = paths.RAW) -> SyncResult:
    """Bring `out` to exactly one folder per item that the sources list."""
    found: list[items.Item] = []
    makers: dict[str, items.Make] = {}
    for module, source in kinds.read_sources(settings):
        listed = source.kind in kinds.LISTED
        make = functools.partial(module.fetch_item, source=source, raw=out) if listed else module.fetch_item
        for item in module.list_items(source):
            if source.kind in kinds.ASKED and item.id in makers:  # one video in two playlists
                continue
            found.append(item)
            makers[item.id] = make
    return items.sync(
        found,
        out,
        functools.partial(_load, makers),
        suffix="",
        params={},
        code=list(kinds.MODULES.values()),
        allow_failed=settings.allow_failed,
        limits=kinds.LIMITS,
    )


def _load(fetch: Mapping[str, items.Make]) -> items.Make:
    return functools.partial(_fetch, fetch)


def _fetch(fetch: Mapping[str, items.Make], item: items.Item, path: Path) -> Mapping[str, Any] | None:
    return fetch[item.id](item, path)


if __name__ == "__main__":
    stage.run("fetch", lambda: main(params.load("corpus", Corpus)))
