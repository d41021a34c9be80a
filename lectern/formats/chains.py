"""Divide a chained Ogg file, in which recordings stand one after the other (RFC 3533, section 4).

Internet radio and joined files are such. FFmpeg goes on into the next recording only if that has the codec, the rate
and the channels of the first; else it stops, or decodes noise. So each is opened as a file of its own.
"""

import io
from pathlib import Path
from typing import IO, NamedTuple

_PATTERN = b"OggS"
_HEADER = 27
"""Bytes of a page before the lengths of its segments; the kind of page is the sixth byte, their number the last."""
_BEGINS = 0x02
"""The bit of the first page of a stream."""
_BLOCK = 1 << 16


class Link(NamedTuple):
    """Where one recording of a file begins and ends, in bytes."""

    start: int
    end: int


def find_links(path: Path) -> list[Link]:
    """Return the recordings of an Ogg file, in order; they cover the file.

    A recording begins with the first pages of all its streams, so such a page behind another kind begins the next one.
    Bytes that are no page are passed over, as in a damaged file.
    """
    size = path.stat().st_size
    starts = [0]
    with path.open("rb") as file:
        at, begins_before = 0, True
        while (at := _find_page(file, at)) >= 0:
            file.seek(at)
            header = file.read(_HEADER)
            if len(header) < _HEADER:
                break
            begins = bool(header[5] & _BEGINS)
            if begins and not begins_before:
                starts.append(at)
            begins_before = begins
            at += _HEADER + header[-1] + sum(file.read(header[-1]))
    return [Link(start, end) for start, end in zip(starts, [*starts[1:], size], strict=True)]


def _find_page(file: IO[bytes], at: int) -> int:
    """Return the place of the first page from a place on; -1 if there is none."""
    file.seek(at)
    block = file.read(len(_PATTERN))
    while len(block) >= len(_PATTERN):
        if (found := block.find(_PATTERN)) >= 0:
            return at + found
        at += len(block) - len(_PATTERN) + 1
        block = block[1 - len(_PATTERN) :] + file.read(_BLOCK)
    return -1


class Window(io.RawIOBase):
    """A part of a file, read as if it were a file."""

    def __init__(self, path: Path, link: Link) -> None:
        """Open the file; closing the window closes it."""
        super().__init__()
        self._file = path.open("rb")
        self._link = link
        self._at = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        """Read what is left of the part, at most, and return how many bytes those are."""
        length = max(0, min(len(buffer), self._link.end - self._link.start - self._at))
        self._file.seek(self._link.start + self._at)
        data = self._file.read(length)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place of the part."""
        base = (0, self._at, self._link.end - self._link.start)[whence]
        self._at = max(0, base + offset)
        return self._at

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()
