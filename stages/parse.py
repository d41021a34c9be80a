"""Cut what is no dialogue into passages that questions can be asked about.

Run: python -m stages.parse        (dvc stage: parse)
Reads data/conversations, writes data/passages: one .jsonl per item, empty where no speaker has nearly all the words,
and the manifest; metrics/parse.json counts them.
"""

import functools
from dataclasses import asdict, dataclass
from pathlib import Path

from stages.core import io, items, params, stage
from stages.core.compute import IN_PROCESS, Compute
from stages.speech import lecture
from stages.speech.housekeeping import HousekeepingParams
from stages.speech.sentences import LIBRARY


@dataclass(frozen=True)
class ParseParams:
    """Section `parse`."""

    min_share: float = 0.8
    """Share of a recording's words from which one speaker's are a lecture, whose passages are made."""
    min_words: int = 80
    """A passage has at least so many words, where chapters and sentences allow it."""
    max_words: int = 220
    """A passage has at most so many words."""
    overlap: int = 1
    """Sentences at the end of a passage that the next one repeats."""

    def __post_init__(self) -> None:
        if not 0.5 < self.min_share <= 1:
            raise ValueError(
                f"min_share is {self.min_share}: one speaker has most of the words above 0.5, up to 1"
            )
        if not 1 <= self.min_words <= self.max_words:
            raise ValueError(
                f"min_words is {self.min_words}, max_words is {self.max_words}: use 1 <= min_words <= max_words"
            )
        if self.overlap < 0:
            raise ValueError(f"overlap is {self.overlap}: use 0 or more sentences")


def main(
    params: ParseParams,
    rules: HousekeepingParams,
    conversations: Path,
    out: Path,
    metrics: Path,
    compute: Compute = IN_PROCESS,
) -> items.SyncResult:
    """Bring `out` to exactly one file of passages per conversation, which may be empty."""
    choices = {
        "min_share": params.min_share,
        "least": params.min_words,
        "most": params.max_words,
        "overlap": params.overlap,
    }
    result = items.sync(
        [items.Item(name, {"conversation": path}) for name, path in items.read(conversations).items()],
        out,
        functools.partial(lecture.load, rules=tuple(rules.rules), max_words=rules.max_words, **choices),
        suffix=".jsonl",
        params={**choices, "housekeeping": asdict(rules)},
        code=(lecture,),
        libraries=(LIBRARY,),
        compute=compute,
    )
    io.write_json(metrics, lecture.summarise(items.facts(out)))
    return result


if __name__ == "__main__":
    stage.run(
        "parse",
        lambda: main(
            params.load("parse", ParseParams),
            params.load("housekeeping", HousekeepingParams),
            Path("data/conversations"),
            Path("data/passages"),
            Path("metrics/parse.json"),
            params.load("compute", Compute),
        ),
    )
