"""Read rare ways to name who speaks, by what the whole file does: `{Ann} Hi.`, `<Ann> Hi.`, `Ann | Hi.`, `「安」嗨。`

Each of them also occurs in what people say and in tables, and none is common. So they are looked for only in a file in
which nothing else names a speaker, and one of them is believed only if the file begins its lines with it again and
again, with names that recur. What has the form then and is no name that recurs stays among the words, which nobody is
known to have said.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from lectern.formats.caption_labels import COMMON, FULL, MOST_INSIDE, REMARKS, UNKNOWN, is_sound, judge_name

LEAST = 0.25
"""Least share of the cues that begin with a name and a dash, in a file that labels changes of the speaker only."""
HALF = 0.5
"""Least share of them in a file that labels every cue; the others may be of people who speak once."""

_LEAD = r"^(?P<lead>(?:\0t\d+\0\s*|>>+\s*|[-–—]\s+)*)"
_NAME = r"(?P<name>[^\s{0}\0](?:[^{0}\0]{{0,58}}?[^\s{0}\0])?)"
_REST = r"(?=[^\s\0]|\0t)"
_BRACKETS = (
    ("{", "}"), ("<", ">"), ("<<", ">>"), ("〈", "〉"), ("《", "》"), ("«", "»"), ("「", "」"), ("『", "』"),
    ("＜", "＞"), ("=", "="), ("*", "*"), ("**", "**"), ("_", "_"),
)  # fmt: skip
_SIGNS = ("|", "¦", "—", "–", "--", "-", ">", ">>", "->", "=>", "→", "»", "•", "·", "/", "::", ";", "~", "\t")
_END_TAG = re.compile(r"</([^<>]{1,60})>")
_QUOTES = frozenset(("「", "『"))
_GOES_ON = re.compile(
    r"[、，,・]|と(?!ころ|ても|にかく|りあえず)|って|は(?!い|じめ)|が(?!ん)|を|の(?![ちど])|に(?!ほん)|も(?!う|し|ちろん)|で(?!は|も|す)"
    r"|や(?!は)|から|まで|より|など|だ(?!から|けど|って)|です|という|[的是和里中与與在裡這这那以]"
)
"""How a sentence goes on behind a quotation or a title, in Japanese and Chinese."""
_RARE = frozenset(("{", "<", "<<", "|", "¦"))
_DASHES = frozenset(("—", "–", "--", "-"))
_AT_CHANGES = _RARE | _DASHES | _QUOTES
"""Forms that are also believed where not every cue has them. Dashes, which words have too, must be frequent."""
_SPOKEN = _DASHES | {"•", "·", "/", ";", "~"}
"""Signs that also follow a name in the middle of what is said."""


class _Form(NamedTuple):
    """A way to write a name before words."""

    key: str
    pattern: re.Pattern[str]
    """at the beginning of a line"""
    inside: str
    """behind the end of a sentence, with NAMES in place of the names"""
    is_bracket: bool


class _Found(NamedTuple):
    """A place of a form."""

    name: str
    cue: int
    opens: bool
    """whether it begins its cue"""
    rest: str


def _make_forms() -> list[_Form]:
    forms = []
    for opening, closing in _BRACKETS:
        a, b = re.escape(opening), re.escape(closing)
        name = _NAME.format(re.escape(opening[0] + closing[0]))
        pattern = rf"{_LEAD}{a}{name}{b}\s?[:：]?(?:\s+|{_REST}|$)(?!{re.escape(closing[0])})"
        inside = rf"(?<=[.?!…。？！\"”’)])\s+{a}(NAMES){b}\s?:?\s+"
        if opening in _QUOTES:  # nor is there a space behind them
            inside = rf"(?<=[.?!…。？！])\s*{a}(NAMES){b}\s?[:：]?(?!{_GOES_ON.pattern})\s*"
        forms.append(_Form(opening, re.compile(pattern), inside, True))
    for sign in _SIGNS:
        s = re.escape(sign)
        spaces = r"\s*" if sign in ("|", "¦", ">", "::", "→", "\t", "»") else r"\s+"
        once = rf"{s}(?!{re.escape(sign[-1])})"
        pattern = rf"{_LEAD}{_NAME.format(re.escape(sign[0]) + '.?!…')}\s*{once}{spaces}{_REST}"
        forms.append(
            _Form(sign, re.compile(pattern), rf"(?<=[.?!…。？！\"”’)])\s+(NAMES)\s*{s}{spaces}", False)
        )
    return forms


_FORMS = _make_forms()


def rewrite(cues: Sequence[Sequence[str]], facts: Counter[str]) -> list[list[str]]:
    """Write the labels of a rare form as `[Ann]: `, if the file uses one form throughout; else return its lines.

    Args:
        cues: the lines of each cue, of a file without labels of the usual forms.
        facts: places of the commonest form that is not believed are counted as `doubtful_labels`.
    """
    best: tuple[int, _Form, set[str]] | None = None
    doubtful = 0
    for form in _FORMS:
        found = _find(form, cues)
        names = _believe(form, found, len(cues)) if len(found) > 1 else set()
        count = sum(place.name in names for place in found)
        if names and (best is None or count > best[0]):
            best = (count, form, names)
        elif not names and form.key in _AT_CHANGES - _QUOTES:
            doubtful = max(doubtful, len(found))
    if best is None:
        if doubtful:
            facts["doubtful_labels"] += doubtful
        return [list(lines) for lines in cues]
    _, form, names = best
    texts = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    inside = re.compile(form.inside.replace("NAMES", texts)) if len(names) <= MOST_INSIDE else None
    return [[_write(line, form, names, inside) for line in lines] for lines in cues]


def _find(form: _Form, cues: Sequence[Sequence[str]]) -> list[_Found]:
    """Find what may be a name in a form, at the beginning of lines."""
    found = []
    for number, lines in enumerate(cues):
        for row, line in enumerate(lines):
            match = form.pattern.match(line)
            followed = match is not None and (match.end() < len(line) or row + 1 < len(lines))
            if match and followed and _may_name(match["name"]):
                found.append(_Found(_normal(match["name"]), number, row == 0, line[match.end() :][:60]))
    if form.is_bracket:
        ends = {_normal(name) for lines in cues for line in lines for name in _END_TAG.findall(line)}
        found = [place for place in found if place.name not in ends]  # else it is a tag
    return found


def _believe(form: _Form, found: Sequence[_Found], cues: int) -> set[str]:
    """Return the names, if the file uses the form for nothing else."""
    rests: dict[str, set[str]] = {}
    for place in found:
        rests.setdefault(place.name, set()).add(place.rest)
    counts = Counter(place.name for place in found)
    if form.key in _QUOTES and sum(bool(_GOES_ON.match(p.rest)) for p in found) > (1 - FULL) * len(found):
        return set()
    recurring = {name for name in counts if len(rests[name]) > 1}
    sure = {name for name in recurring if judge_name(name) != "odd"}
    first = {place.cue for place in found if place.opens}
    often = {place.cue for place in found if place.opens and place.name in recurring}
    if cues > 2 and len(counts) > 1 and len(first) >= FULL * cues and len(often) >= HALF * cues:
        return recurring | {name for name in counts if judge_name(name) != "odd"}
    known = sum(counts[name] for name in sure)
    least = LEAST * cues if form.key in _DASHES else 0
    changes = form.key in _AT_CHANGES and len(sure) > 1 and known >= max(least, FULL * len(found))
    return sure if changes else set()


def _may_name(text: str) -> bool:
    name = _normal(text)
    first = name.split()[0].strip(",'’").partition("'")[0].lower()
    kind = judge_name(name)
    return kind in ("sure", "role") or (
        kind in ("like", "odd") and first not in COMMON and first not in REMARKS and not is_sound(name)
    )


def _write(line: str, form: _Form, names: set[str], inside: re.Pattern[str] | None) -> str:
    match = form.pattern.match(line)
    if match and form.key in _QUOTES and _GOES_ON.match(line, match.end()):
        match = None
    if match and _normal(match["name"]) in names:
        line = f"{match['lead']}[{_normal(match['name'])}]: {line[match.end() :]}"
    elif match and _may_name(match["name"]) and judge_name(_normal(match["name"])) != "odd":
        line = f"[{UNKNOWN}]: {line}"
    if inside is None:
        return line
    if form.key not in _SPOKEN:
        return inside.sub(lambda m: f" [{_normal(m[1])}]: ", line)
    return inside.sub(lambda m: f" [{UNKNOWN}]: {m[0].lstrip()}", line)  # or somebody is spoken to by name


def _normal(text: str) -> str:
    return " ".join(text.split())
