"""Bytes of unknown encoding to text that loses nothing, and text to text without what nobody can read."""

import codecs
import unicodedata
from dataclasses import dataclass

import regex

from lectern.core.errors import ItemError

BOMS = (  # UTF-32 first: its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
ESCAPED = ("iso2022", "hz")
"""Encodings whose bytes are all ASCII: valid UTF-8, but not what is meant."""
SUPERSETS = {
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
    "iso8859-9": "cp1254",
    "koi8-r": "koi8-u",  # Ukrainian letters for line drawings
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
}
"""Declared name -> the larger encoding that is meant by it in practice (the WHATWG's Encoding Standard)."""
RARE = ["iso8859_3", "iso8859_4", "iso8859_10", "iso8859_13", "iso8859_14", "iso8859_16"]
"""Encodings that hardly any file is in, but that resemble those that many are in."""
CENTRAL_EUROPEAN = {"cp1250", "iso8859_2"}
"""Alike but for letters such as š, which the first has among 80 to 9F (hex) and the second has not."""
SURE = 0.5
"""Confidence from which Mozilla's detector is believed."""
MENDABLE = 0.02
"""Of the bytes outside ASCII: the share that may be broken in a text that is UTF-8 in all else."""
SAMPLE = 256 * 1024
"""Bytes outside ASCII, with what stands between them, from which an undeclared encoding is guessed."""

# Invisible, and without a meaning: control characters except tab and line feed, soft hyphens, zero-width spaces, marks
# of the byte order and the writing direction, halves of surrogate pairs, and code points that are no characters. The
# joiners U+200C and U+200D stay: in Persian, Hindi and emoji they are spelling.
UNREADABLE = regex.compile(
    r"[\p{Cc}--\t\n]|[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\p{Cs}|\p{Noncharacter_Code_Point}",
    regex.V1,
)
# One glyph for several letters, as fonts have them: no spelling tells them from the letters.
LIGATURES = regex.compile(r"[\ufb00-\ufb06\ufb13-\ufb17\ufb50-\ufdcf\ufe70-\ufefc]")
SPACES = regex.compile(r"[^\S\n]+")


@dataclass(frozen=True)
class Decoded:
    """A text, the encoding it was in, and how many of its bytes had to be mended."""

    text: str
    encoding: str
    mended: int = 0


def decode(data: bytes, declared: str | None = None) -> Decoded:
    """Decode a text whose encoding is uncertain; the first that fits the whole of it of:

    its byte order mark; a declared encoding of escape sequences (ISO-2022); UTF-8, which other texts hardly ever fit by
    chance; UTF-16 and UTF-32 without a mark, told by their zero bytes; the declared one; UTF-8 with a few broken bytes,
    taken for Windows-1252 as browsers' forms mix them; the likeliest that charset-normalizer finds.

    Raises:
        ItemError: none fits.
    """
    for mark, encoding in BOMS:
        if data.startswith(mark) and (text := _try(data[len(mark) :], encoding)) is not None:
            return Decoded(text, encoding)
    named = _look_up(declared)
    if b"\x1b$" in data or b"\x1b(" in data or (named or "").startswith(ESCAPED):
        for encoding in filter(None, [named, "iso2022_kr" if b"\x1b$)C" in data else "iso2022_jp_2"]):
            if encoding.startswith(ESCAPED) and (text := _try(data, encoding)) is not None:
                return Decoded(text, encoding)
    wide = _guess_wide(data)
    for unmarked in filter(None, [wide, "utf-8"]):
        if (text := _try(data, unmarked)) is not None and _is_text(text):
            return Decoded(text, unmarked)
    if named and (text := _try(data, SUPERSETS.get(named, named))) is not None:
        return Decoded(text, SUPERSETS.get(named, named))
    if mended := _mend(data):
        return mended
    if (guessed := _guess(data)) and _is_text(likely := data.decode(guessed)):
        return Decoded(likely, guessed)
    raise ItemError("it is no text in any known encoding. Save it as UTF-8, or leave it out.")


def clean(text: str) -> str:
    """Remove what cannot be read, write ligatures as letters, and compose accents (NFC); a line ends as on Unix.

    NFKC would go too far: it turns x² into x2, ½ into 1⁄2 and full-width forms into others. It is applied to the
    ligatures (Latin, Armenian) and to Arabic presentation forms alone, which PDF files hold in place of letters.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x0b", "\n").replace("\x0c", "\n")
    text = text.replace("\x85", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    text = LIGATURES.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    return unicodedata.normalize("NFC", UNREADABLE.sub("", text))


def tidy_line(text: str) -> str:
    """The text with every run of white space made one space, clean."""
    return " ".join(clean(text).split())


def tidy(text: str) -> str:
    """Clean text whose lines stay apart: spaces single, none at the ends of lines, no empty lines at the ends."""
    lines = (SPACES.sub(" ", line).strip() for line in clean(text).split("\n"))
    return "\n".join(lines).strip("\n")


def _try(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return None


def _look_up(declared: str | None) -> str | None:
    try:
        found = codecs.lookup((declared or "").strip().strip("\"'").lower())
    except (LookupError, ValueError):  # such as one with a zero byte
        return None
    # Python has codecs that are no encodings of text, such as zip and rot13
    return found.name if getattr(found, "_is_text_encoding", True) else None


def _guess_wide(data: bytes) -> str | None:
    """UTF-16 or UTF-32 by the places of its zero bytes: spaces, digits and line ends have them in any script."""
    head = data[:65536]
    zeros = [head[place::4].count(0) for place in range(4)]
    if not sum(zeros):
        return None
    if len(data) % 4 == 0 and min(zeros[2:]) > len(head) // 4 * 0.9 and zeros[0] < zeros[3]:
        return "utf-32-le"
    if len(data) % 4 == 0 and min(zeros[:2]) > len(head) // 4 * 0.9 and zeros[3] < zeros[0]:
        return "utf-32-be"
    even, odd = zeros[0] + zeros[2], zeros[1] + zeros[3]
    if len(data) % 2 == 0 and max(even, odd) > len(head) * 0.02 and min(even, odd) < max(even, odd) * 0.05:
        return "utf-16-le" if odd > even else "utf-16-be"
    return None


def _mend(data: bytes) -> Decoded | None:
    text = data.decode("utf-8", errors="surrogateescape")
    broken = sum("\udc80" <= char <= "\udcff" for char in text)
    foreign = sum(byte > 127 for byte in data)
    if broken > max(1, MENDABLE * foreign) or broken == foreign:
        return None
    mended = regex.sub(
        "[\udc80-\udcff]",
        lambda found: bytes([ord(found[0]) - 0xDC00]).decode("cp1252", errors="replace"),
        text,
    )
    return Decoded(mended, "utf-8", broken)


def _is_text(text: str) -> bool:
    """Not bytes of something else that happen to fit: Thai in UTF-16 is UTF-8 of letters and control characters."""
    return (
        sum(char < " " and char not in "\t\n\r\f\x1a\x1b" for char in text[:65536])
        <= len(text[:65536]) * 0.02
    )


def _guess(data: bytes) -> str | None:
    """The likeliest encoding by how often letters follow each other in languages, else by how tidy the text looks.

    The first is Mozilla's detector, which knows languages by their letters and so needs few of them; the second knows
    more encodings, but takes short French or Italian for Polish.
    """
    import cchardet
    from charset_normalizer import from_bytes

    sample = data if len(data) <= SAMPLE else data[:SAMPLE].rpartition(b"\n")[0] or data[:SAMPLE]
    found = cchardet.detect(sample)
    if (named := _look_up(found["encoding"])) and (found["confidence"] or 0) >= SURE:
        encoding = SUPERSETS.get(named, named)
        if _try(data, encoding) is not None:
            return encoding
    for match in from_bytes(sample, cp_exclusion=RARE):
        encoding = match.encoding
        if encoding in CENTRAL_EUROPEAN:
            windows = any(0x80 <= byte <= 0x9F for byte in sample)
            encoding = "cp1250" if windows else "iso8859_2"
        if _try(data, encoding) is not None:
            return encoding
    return next((encoding for encoding in ("cp1252", "latin-1") if _try(data, encoding) is not None), None)
