"""Cut documents, pages and lectures into passages that questions can be asked about.

Run: python -m stages.parse        (dvc stage: parse)
Reads data/documents and data/conversations, writes data/passages: one .jsonl per item, empty for a recording in which
no speaker has nearly all the words and for a copy of another page, and the manifest; metrics/parse.json counts them.
"""

import functools
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lectern.conversations.housekeeping import HousekeepingParams
from lectern.core import io, items, params, stage
from lectern.core.compute import IN_PROCESS, Compute
from lectern.models import tokens
from lectern.passages import parsing, passages


@dataclass(frozen=True)
class ParseParams:
    """Section `parse`."""

    tokenizer: str = "smollm2_135m"
    """Counts the tokens: a packaged model, a directory with tokenizer.json, or a hub's organisation/model. It need not
    be the base model's, so that a sweep over base models asks no question anew."""
    min_tokens: int = 100
    """A passage has at least so many tokens, where sections and sentences allow it."""
    max_tokens: int = 300
    """A passage has at most so many tokens."""
    overlap: int = 1
    """Sentences at the end of a passage that the next one of its section or chapter repeats."""
    min_share: float = 0.8
    """Share of a recording's words from which one speaker's are a lecture, whose passages are made."""
    boilerplate_share: float = 0.5
    """A block is boilerplate, and left out, where it stands on at least this share of its site's pages,"""
    boilerplate_pages: int = 3
    """and on at least so many of them."""

    def __post_init__(self) -> None:
        if not 0.5 < self.min_share <= 1:
            raise ValueError(
                f"min_share is {self.min_share}: one speaker has most of the words above 0.5, up to 1"
            )
        if not (1 <= self.min_tokens <= self.max_tokens and self.max_tokens >= 20):
            raise ValueError(
                f"min_tokens is {self.min_tokens}, max_tokens is {self.max_tokens}: use 1 <= min_tokens <= max_tokens "
                "and max_tokens >= 20"
            )
        if self.overlap < 0:
            raise ValueError(f"overlap is {self.overlap}: use 0 or more sentences")
        if not 0 < self.boilerplate_share <= 1:
            raise ValueError(
                f"boilerplate_share is {self.boilerplate_share}: it is a share, above 0 and up to 1"
            )
        if self.boilerplate_pages < 2:
            raise ValueError(
                f"boilerplate_pages is {self.boilerplate_pages}: what stands on one page is not repeated; use 2 or more"
            )


def main(
    params: ParseParams,
    rules: HousekeepingParams,
    documents: Path,
    conversations: Path,
    out: Path,
    metrics: Path,
    compute: Compute = IN_PROCESS,
) -> items.SyncResult:
    """Bring `out` to exactly one file of passages per document and conversation, which may be empty."""
    choices: dict[str, Any] = {
        "min_share": params.min_share,
        "least": params.min_tokens,
        "most": params.max_tokens,
        "overlap": params.overlap,
    }
    result = items.sync(
        parsing.list_items(
            items.read(documents),
            items.read(conversations),
            share=params.boilerplate_share,
            pages=params.boilerplate_pages,
        ),
        out,
        functools.partial(
            parsing.load,
            tokenizer=params.tokenizer,
            rules=tuple(rules.rules),
            max_words=rules.max_words,
            **choices,
        ),
        suffix=".jsonl",
        params={**choices, "tokenizer": tokens.identify(params.tokenizer), "housekeeping": asdict(rules)},
        code=(parsing,),
        libraries=passages.LIBRARIES,
        compute=compute,
    )
    io.write_json(metrics, parsing.summarise(items.facts(out)))
    return result


if __name__ == "__main__":
    stage.run(
        "parse",
        lambda: main(
            params.load("parse", ParseParams),
            params.load("housekeeping", HousekeepingParams),
            Path("data/documents"),
            Path("data/conversations"),
            Path("data/passages"),
            Path("metrics/parse.json"),
            params.load("compute", Compute),
        ),
    )
