"""Mark the words that two texts share, in order: the longest common word sequence, which ROUGE-L counts."""

from itertools import groupby

import regex
from rapidfuzz.distance import LCSseq

from lectern.text.words import words

_PIECE = regex.compile(r"\w+(?:['\u2019]\w+)*|\W+")


def mark(text: str, other: str) -> list[dict[str, object]]:
    """Divide `text` into runs, and mark those whose words `other` has in the same order. The runs joined are `text`.

    As in the scores, case and punctuation do not count. Spaces and punctuation between shared words count as shared.
    """
    pieces = _split(text)
    keys = [key for _, key in pieces if key]
    shared = set[int]()
    for op in LCSseq.opcodes(keys, [key for _, key in _split(other) if key]):
        if op.tag == "equal":
            shared.update(range(op.src_start, op.src_end))
    flags: list[bool | None] = []
    seen = -1
    for _, key in pieces:
        seen += bool(key)
        flags.append(seen in shared if key else None)
    between = [
        bool(flag) if flag is not None else _is_between_shared(flags, at) for at, flag in enumerate(flags)
    ]
    runs = groupby(zip(pieces, between, strict=True), key=lambda pair: pair[1])
    return [{"same": same, "text": "".join(piece for (piece, _), _ in run)} for same, run in runs]


def _split(text: str) -> list[tuple[str, str]]:
    """Divide a text into pieces, each with its key for comparisons, which is empty for spaces and punctuation."""
    pieces = []
    for piece in _PIECE.findall(text):
        found = words(piece) if piece[0].isalnum() or regex.match(r"\w", piece) else []
        if len(found) > 1 and "'" not in piece and "\u2019" not in piece:  # a script without spaces
            pieces += [(part, "".join(words(part))) for part in regex.findall(r"\X", piece)]
        else:
            pieces.append((piece, " ".join(found)))
    return pieces


def _is_between_shared(flags: list[bool | None], at: int) -> bool:
    return 0 < at < len(flags) - 1 and bool(flags[at - 1]) and bool(flags[at + 1])
