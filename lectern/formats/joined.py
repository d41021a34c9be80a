"""Find the recordings that stand one after the other in a file, and read each of them as if it were a file.

`cat a.wav b.wav > c.wav` makes such a file, and internet radio sends chained Ogg (RFC 3533, section 4). Of most of them
FFmpeg reads the first recording and says nothing of the others; of some it reads the others with the rate and channels
of the first. So each is opened as a file of its own.

The pieces of a file are followed by their sizes, so that what only looks like a beginning inside of one is passed over,
and a large film is not read twice. Where a size is missing or wrong, the next beginning is looked for.
"""

import io
from pathlib import Path
from typing import IO, NamedTuple

from lectern.formats.beginnings import KINDS, Kind

_BLOCKS = (1 << 12, 1 << 20)
"""Bytes of the first and of the greatest block that is searched; short recordings begin soon after one another."""


class Span(NamedTuple):
    """Where a part of a file begins and ends, in bytes."""

    start: int
    end: int


def divide(path: Path, container: str) -> list[tuple[Span, ...]]:
    """Return the recordings of a file, in order, each as the spans of its bytes; [] for one whole recording.

    Bytes that belong to none, such as tags behind a recording, stay with the one before. MP3 files are one recording
    from which the tags in the middle are cut: frames may need the bits of frames before such a tag, as in the segments
    of a stream, and FFmpeg takes the bytes of a cover picture for frames and silence.

    Args:
        path: the file.
        container: FFmpeg's name of its format.
    """
    kind = KINDS.get(container.partition(",")[0])
    if kind is None:
        return []
    size = path.stat().st_size
    with path.open("rb") as file:
        heads = _find_heads(file, kind, size)
    if kind.is_tag:
        inner = [head for head in heads if head.start]
        starts, ends = [0, *(head.end for head in inner)], [*(head.start for head in inner), size]
        spans = [Span(start, end) for start, end in zip(starts, ends, strict=True) if start < end]
        return [tuple(spans)] if inner else []
    starts = [0, *(head.start for head in heads[1:])]
    spans = [Span(start, end) for start, end in zip(starts, [*starts[1:], size], strict=True)]
    return [(span,) for span in spans] if len(spans) > 1 else []


def _find_heads(file: IO[bytes], kind: Kind, size: int) -> list[Span]:
    """Return where the beginnings of recordings stand; those that stand side by side are one."""
    heads: list[Span] = []
    at, before, follows = 0, -1, False
    while at < size:
        piece = kind.read(file, at)
        known = piece is not None and piece.end is not None and at < piece.end <= size
        end = piece.end if piece and piece.end is not None and known else at
        begins = piece is not None and piece.begins
        if begins:
            heads[-1:] = [Span(heads[-1].start, end)] if follows else [*heads[-1:], Span(at, end)]
        if begins or known:
            before = at
        follows = begins and known
        # The size of the piece before may be what is wrong, so its bytes are searched too.
        at = end if known else _search(file, kind, before + 1, size)
    return heads


def _search(file: IO[bytes], kind: Kind, start: int, size: int) -> int:
    """Return the place of the first beginning from a place on; the size of the file if there is none."""
    at, (length, most) = start + kind.offset, _BLOCKS
    while at < size:
        file.seek(at)
        block = file.read(length)
        length = min(2 * length, most)
        place = block.find(kind.mark)
        while place >= 0:
            found = at + place - kind.offset
            if (piece := kind.read(file, found)) and piece.begins:
                return found
            place = block.find(kind.mark, place + 1)
        at += max(1, len(block) - len(kind.mark) + 1)
    return size


class Window(io.RawIOBase):
    """Spans of a file, one after the other, read as if they were a file."""

    def __init__(self, path: Path, spans: tuple[Span, ...]) -> None:
        """Open the file; closing the window closes it."""
        super().__init__()
        self._file = path.open("rb")
        self._spans = spans
        self._length = sum(span.end - span.start for span in spans)
        self._at = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        """Read what is left of the span at the place, at most, and return how many bytes those are."""
        at = self._at
        for start, end in self._spans:
            if at < end - start:
                self._file.seek(start + at)
                data = self._file.read(min(len(buffer), end - start - at))
                buffer[: len(data)] = data
                self._at += len(data)
                return len(data)
            at -= end - start
        return 0

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place of the window."""
        base = (0, self._at, self._length)[whence]
        self._at = max(0, base + offset)
        return self._at

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()
