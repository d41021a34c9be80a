"""Decode bytes of unknown encoding without loss, and remove characters that nobody can read."""

import codecs
import unicodedata
from dataclasses import dataclass

import regex

from lectern.core.errors import ItemError

BOMS = (  # UTF-32 first, because its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
ESCAPED = ("iso2022", "hz")
"""Encodings whose bytes are all ASCII. Such bytes are valid UTF-8 too, but would be decoded wrongly."""
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
"""Declared name -> the larger encoding that it means in practice (WHATWG Encoding Standard)."""
RARE = ["iso8859_3", "iso8859_4", "iso8859_10", "iso8859_13", "iso8859_14", "iso8859_16"]
"""Encodings that hardly any file uses, but that resemble common ones."""
CENTRAL_EUROPEAN = {"cp1250", "iso8859_2"}
"""They differ in letters such as š, which only the first has among 80 to 9F (hex)."""
SURE = 0.5
"""Confidence from which the result of Mozilla's detector is accepted."""
MENDABLE = 0.02
"""Greatest share of the non-ASCII bytes that may be broken in a text that is otherwise UTF-8."""
SAMPLE = 256 * 1024
"""Most bytes of a file from which an undeclared encoding is guessed."""

# Invisible and without meaning: control characters except tab and line feed, soft hyphens, zero-width spaces, byte
# order and direction marks, surrogates, and code points that are no characters. The joiners U+200C and U+200D stay,
# because they are part of the spelling in Persian, Hindi and emoji.
UNREADABLE = regex.compile(
    r"[\p{Cc}--\t\n]|[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\p{Cs}|\p{Noncharacter_Code_Point}",
    regex.V1,
)
# Single glyphs for several letters, as fonts have them. They are spelled like the letters themselves.
LIGATURES = regex.compile(r"[\ufb00-\ufb06\ufb13-\ufb17\ufb50-\ufdcf\ufe70-\ufefc]")
SPACES = regex.compile(r"[^\S\n]+")


@dataclass(frozen=True)
class Decoded:
    """A text, its encoding, and how many of its bytes were repaired."""

    text: str
    encoding: str
    mended: int = 0


def decode(data: bytes, declared: str | None = None) -> Decoded:
    """Decode a text whose encoding is uncertain, by the first of these that fits all of it:

    its byte order mark; a declared encoding with escape sequences (ISO-2022); UTF-8, which other encodings hardly ever
    fit by chance; UTF-16 or UTF-32 without a mark, recognized by their zero bytes; the declared encoding; UTF-8 with a
    few broken bytes, which are read as Windows-1252, since web forms mix the two; the most likely guess of a detector.

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
    raise ItemError("it is not text in any known encoding. Save it as UTF-8, or leave it out.")


def clean(text: str) -> str:
    """Remove unreadable characters, write ligatures as letters, compose accents (NFC), and use Unix line ends.

    NFKC would change too much: it turns x² into x2, ½ into 1⁄2, and replaces full-width forms. It is therefore applied
    only to ligatures (Latin, Armenian) and Arabic presentation forms, which PDF files contain in place of letters.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x0b", "\n").replace("\x0c", "\n")
    text = text.replace("\x85", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    text = LIGATURES.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    return unicodedata.normalize("NFC", UNREADABLE.sub("", text))


def tidy_line(text: str) -> str:
    """The text on one line, cleaned: each run of white space becomes one space."""
    return " ".join(clean(text).split())


def tidy(text: str) -> str:
    """Clean text but keep its lines: single spaces, none at the ends of lines, no empty lines at start and end."""
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
    # Python also has codecs that are no text encodings, such as zip and rot13.
    return found.name if getattr(found, "_is_text_encoding", True) else None


def _guess_wide(data: bytes) -> str | None:
    """UTF-16 or UTF-32, by the positions of zero bytes: spaces, digits and line ends contain them in any script."""
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
    """Whether this is text, not bytes that fit by chance: Thai in UTF-16 decodes as UTF-8 with control characters."""
    return (
        sum(char < " " and char not in "\t\n\r\f\x1a\x1b" for char in text[:65536])
        <= len(text[:65536]) * 0.02
    )


def _guess(data: bytes) -> str | None:
    """The most likely encoding, by the letter sequences of languages, or else by how regular the text looks.

    The first guess is that of Mozilla's detector, which knows the letters of languages and so needs little text. The
    second detector knows more encodings, but takes short French or Italian texts for Polish.
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
