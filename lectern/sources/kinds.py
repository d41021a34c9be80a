"""The kinds of source by their names in `corpus.sources`, and what a corpus asks of them."""

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from lectern.core.limits import Limits
from lectern.settings.corpus import Corpus
from lectern.settings.sources import parse_source
from lectern.sources import documents, media, podcast, table, transcripts, website, youtube

MODULES: Mapping[str, ModuleType] = {
    "media": media,
    "transcripts": transcripts,
    "youtube": youtube,
    "podcast": podcast,
    "documents": documents,
    "website": website,
    "table": table,
}
"""Each lists the items of a source (`list_items`) and brings one of them (`fetch_item`)."""
LISTED = ("youtube", "podcast")
"""Kinds whose episodes stand in data/listings, which `lectern update` writes; `fetch` downloads them, each once."""
ASKED = (*LISTED, "website")
"""Kinds whose sites `lectern update` asks; two sources may name one thing of them, which counts once."""

LIMITS = Limits(seconds=25, megabytes=1500, written=100_000, patience=None)
"""What bringing one item may take; a download may take more (`ytdlp.DOWNLOADING`)."""


def read_sources(corpus: Corpus) -> list[tuple[Any, Any]]:
    """The module of each source's kind, and its checked settings.

    Raises:
        LecternError: there is no such kind, or a parameter of it is wrong.
    """
    sources = [parse_source(values, number) for number, values in enumerate(corpus.sources)]
    return [(MODULES[source.kind], source) for source in sources]
