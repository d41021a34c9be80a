"""What the speech engines need, and the sources of a corpus, for the parts of the check that ask for them."""

from collections.abc import Mapping
from typing import Any

from lectern.settings.sources import parse_source
from lectern.sources import kinds
from lectern.speech import asr, diarization

LIBRARIES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "transcribe": {name: engine.libraries for name, engine in asr.ENGINES.items()},
    "diarize": {name: engine.libraries for name, engine in diarization.ENGINES.items()},
}
"""Section -> engine -> the distributions that it needs."""


def read_source(values: Mapping[str, Any], number: int) -> tuple[Any, Any]:
    """The module of a source's kind, and its checked settings; `number` is its place in `corpus.sources`.

    Raises:
        LecternError: there is no such kind, or a value is wrong.
    """
    source = parse_source(values, number)
    return kinds.MODULES[source.kind], source
