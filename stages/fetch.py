"""Bring every item of the corpus into data/raw, as it came and with what is known of it.

Run: python -m stages.fetch        (dvc stage: fetch)
Reads the sources that the corpus lists, writes data/raw: one folder per item and the manifest.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lectern.core import items, params, stage
from lectern.core.errors import LecternError
from lectern.core.items import SyncResult
from lectern.sources import documents, media, podcast, table, transcripts, website, youtube

KINDS: dict[str, tuple[Any, type[Any]]] = {
    "media": (media, media.MediaParams),
    "transcripts": (transcripts, transcripts.TranscriptsParams),
    "youtube": (youtube, youtube.YoutubeParams),
    "podcast": (podcast, podcast.PodcastParams),
    "documents": (documents, documents.DocumentsParams),
    "website": (website, website.WebsiteParams),
    "table": (table, table.TableParams),
}
LISTED = ("youtube", "podcast")
"""Kinds whose episodes stand in data/listings, which `lectern update` writes; `fetch` downloads them, each once."""
ASKED = (*LISTED, "website")
"""Kinds whose sites `lectern update` asks; two sources may name one thing of them, which counts once."""


@dataclass(frozen=True)
class CorpusParams:
    """Section `corpus`: what the model is to learn from."""

    name: str
    """of the configuration under conf/corpus"""
    sources: list[Any]
    """each a `kind` and what that kind needs; see lectern/sources"""
    allow_failed: float = 0.0
    """share of the items that may fail to come before the stage does, 0 to 1"""

    def __post_init__(self) -> None:
        if not 0 <= self.allow_failed <= 1:
            raise ValueError(f"corpus.allow_failed is {self.allow_failed}; it is a share, from 0 to 1")


def main(corpus: CorpusParams, out: Path) -> SyncResult:
    """Bring `out` to exactly one folder per item that the sources list."""
    found: list[items.Item] = []
    makers: dict[str, items.Make] = {}
    for number, values in enumerate(corpus.sources):
        source, parsed = parse(values, number)
        listed = parsed.kind in LISTED
        make = functools.partial(source.fetch_item, source=parsed, raw=out) if listed else source.fetch_item
        for item in source.list_items(parsed):
            if parsed.kind in ASKED and item.id in makers:  # one video in two playlists
                continue
            found.append(item)
            makers[item.id] = make
    return items.sync(
        found,
        out,
        functools.partial(_load, makers),
        suffix="",
        params={},
        code=[module for module, _ in KINDS.values()],
        allow_failed=corpus.allow_failed,
    )


def _load(fetch: Mapping[str, items.Make]) -> items.Make:
    return lambda item, path: fetch[item.id](item, path)


def parse(values: Mapping[str, Any], number: int) -> tuple[Any, Any]:
    """The module of a source's kind, and its checked parameters; `number` is its place in `corpus.sources`.

    Raises:
        LecternError: there is no such kind, or a parameter of it is wrong.
    """
    where = f"corpus.sources[{number}]"
    kind = values.get("kind")
    if kind not in KINDS:
        raise LecternError(f"{where}: kind is {kind!r}; it is one of {', '.join(KINDS)}")
    module, cls = KINDS[kind]
    return module, params.parse(values, cls, where)


if __name__ == "__main__":
    stage.run("fetch", lambda: main(params.load("corpus", CorpusParams), Path("data/raw")))
