"""How a recording begins in each container, and how the pieces of a file say where they end (see `joined`).

A beginning must be told from sound, in which any bytes may stand: each check here asks for at least eight bytes.
"""

import re
from collections.abc import Callable
from typing import IO, Literal, NamedTuple


class Piece(NamedTuple):
    """A piece of a file, such as a chunk of WAV or a page of Ogg."""

    end: int | None
    """the byte behind it; None if it does not say"""
    begins: bool
    """whether a recording begins with it"""


class Kind(NamedTuple):
    """How to find the recordings in the files of a container."""

    mark: bytes
    """bytes that stand in each beginning"""
    offset: int
    """bytes of a beginning before its mark"""
    read: Callable[[IO[bytes], int], Piece | None]
    """reads the piece at a place; None if there is none"""
    is_tag: bool = False
    """whether a beginning is a tag, which the recording does not need"""


def _get(file: IO[bytes], at: int, length: int) -> bytes:
    file.seek(at)
    return file.read(length)


def _is_code(text: bytes) -> bool:
    return len(text) == 4 and all(32 <= byte < 127 for byte in text)


def _read_riff(file: IO[bytes], at: int) -> Piece | None:
    """A chunk of WAV or AVI. The chunks inside the outer one are pieces too, because its size is often wrong."""
    head = _get(file, at, 16)
    if head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64") and _is_code(head[12:16]):
        return Piece(at + 12, head[8:12] in (b"WAVE", b"AVI "))
    if (
        head[:4] == b"ds64"
    ):  # the size of what is too large for 32 bits, from the eighth byte of its beginning on
        size = int.from_bytes(head[8:16], "little")
        return Piece(at - 4 + size if size else None, False)
    return _read_chunk(head, at, "little")


def _read_form(file: IO[bytes], at: int) -> Piece | None:
    """A chunk of AIFF."""
    head = _get(file, at, 16)
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC") and _is_code(head[12:16]):
        return Piece(at + 12, True)
    return _read_chunk(head, at, "big")


def _read_chunk(head: bytes, at: int, order: Literal["little", "big"]) -> Piece | None:
    if not _is_code(head[:4]) or len(head) < 8:
        return None
    size = int.from_bytes(head[4:8], order)
    return Piece(at + 8 + size + size % 2, False)


def _read_atom(file: IO[bytes], at: int) -> Piece | None:
    """An atom of MP4, M4A and QuickTime; files from before 2001 begin with any of them."""
    head = _get(file, at, 32)
    size, kind = int.from_bytes(head[:4], "big"), head[4:8]
    if not _is_code(kind):
        return None
    if size == 1:
        size = int.from_bytes(head[8:16], "big")
    if 0 < size < 8:
        return None
    brands = kind == b"ftyp" and 16 <= size <= 1024 and size % 4 == 0 and _is_code(head[8:12])
    return Piece(at + size if size else None, brands or at == 0)


def _read_ebml(file: IO[bytes], at: int) -> Piece | None:
    """An outermost element of Matroska and WebM: the header, the segment, a checksum or padding."""
    head = _get(file, at, 80)
    length = 4 if head[:4] in (_EBML, b"\x18\x53\x80\x67") else 1
    if length == 1 and head[:1] not in (b"\xec", b"\xbf"):
        return None
    sizes = head[length : length + 1]
    if not sizes or not sizes[0]:
        return None
    width = 9 - sizes[0].bit_length()
    size = int.from_bytes(head[length : length + width], "big") & ((1 << 7 * width) - 1)
    begins = (
        head[:4] == _EBML and re.search(rb"\x42\x82.{1,8}?(?:webm|matroska)", head, re.DOTALL) is not None
    )
    unknown = size == (1 << 7 * width) - 1
    return Piece(None if unknown else at + length + width + size, begins)


def _read_page(file: IO[bytes], at: int) -> Piece | None:
    """A page of Ogg: its sixth byte says whether a stream begins, and its segments how long it is."""
    head = _get(file, at, 27 + 255)
    if len(head) < 27 or not head.startswith(b"OggS\0"):
        return None
    count = head[26]
    return Piece(at + 27 + count + sum(head[27 : 27 + count]), bool(head[5] & 2))


def _read_tag(file: IO[bytes], at: int) -> Piece | None:
    """An ID3 tag before frames of MP3, or before another one."""
    head = _get(file, at, 14)
    match = re.match(rb"ID3[\x02-\x04]\0[\0\x10\x20\x40\x80\xc0]([\0-\x7f]{4})[A-Z0-9]{3}", head)
    if match is None:
        return None
    size = 0
    for byte in match[1]:
        size = size << 7 | byte
    end = at + 10 + size + 10 * bool(head[3] == 4 and head[5] & 0x10)
    after = _get(file, end, 3)
    return Piece(end, True) if re.match(rb"ID3|\xff[\xe2-\xff]", after) else None


def _search_only(mark: bytes, rest: bytes) -> Kind:
    """A container in which beginnings are searched for, by what they say behind the mark (a regular expression)."""
    pattern = re.compile(re.escape(mark) + rest, re.DOTALL)

    def read(file: IO[bytes], at: int) -> Piece | None:
        return Piece(None, True) if pattern.match(_get(file, at, 64)) else None

    return Kind(mark, 0, read)


_EBML = b"\x1a\x45\xdf\xa3"
_FIRST_BLOCK = b"".join(b"\\x%02x" % byte for byte in range(256) if byte & 8)

KINDS = {
    "aiff": Kind(b"FORM", 0, _read_form),
    "amr": _search_only(b"#!AMR\n", rb"[\x04\x0c\x14\x1c\x24\x2c\x34\x3c\x44\x7c]"),
    "asf": _search_only(bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"), rb".{5}\0"),
    "au": _search_only(b".snd\0\0", rb"..(.{4})\0{3}[\x01-\x1b]\0[\0-\x0b]..\0{3}[\x01-\x20]"),
    "avi": Kind(b"AVI LIST", 8, _read_riff),
    "caf": _search_only(b"caff\0\x01\0\0desc", rb"\0{7}\x20"),
    "flac": _search_only(b"fLaC", rb"[\0\x80]\0\0\x22[\0-\xff]{2}"),
    "flv": _search_only(b"FLV\x01", rb"[\0-\x05]\0{3}\x09\0{4}"),
    "matroska": Kind(_EBML, 0, _read_ebml),
    "mov": Kind(b"ftyp", 4, _read_atom),
    "mp3": Kind(b"ID3", 0, _read_tag, is_tag=True),
    "ogg": Kind(b"OggS", 0, _read_page),
    "tta": _search_only(b"TTA1", rb"[\x01\x02]\0[\x01-\x08]\0[\x08\x10\x18\x20]\0.{3}\0"),
    "w64": _search_only(bytes.fromhex("726966662e91cf11a5d628db04c10000"), rb".{8}wave"),
    "wav": Kind(b"WAVE", 8, _read_riff),
    "wv": _search_only(
        b"wvpk", rb"..[\0-\x0f]\0[\x02-\x10]\x04\0.{5}\0{4}.{5}[" + _FIRST_BLOCK + rb"]"
    ),
}  # fmt: skip
"""FFmpeg's name of a container -> how its recordings are found. In the others (AAC, AC-3, MPEG) FFmpeg finds them."""
