"""Tell the labels of captions from what is said: who speaks, as the lines of a WebVTT or SRT file say it.

A label that cannot be anything else is believed wherever it stands: `<v Ann>`, `[Ann]:` and `[SPEAKER_01]`. The other
forms also occur in what people say (`Note: ...`, `[Music] ...`), so the whole file decides: `Ann:`, `**Ann:**`,
`Ann (00:12):`, `JOHN:Hello`, `ann@acme.com:`, `[Ann] ...`, `- [Ann] ...`, `(speaker 0) ...`, and any of them behind
`>>`. What may be a label and is not believed stays among the words, but nobody is taken to have said them: they must
not become the words of the speaker before.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple


def _words(text: str, between: str | None = None) -> frozenset[str]:
    return frozenset(text.split(between))


UNKNOWN = "unknown"
"""The speaker of words that nobody is known to have said."""
MOST_INSIDE = 300
"""Names of a file that are also looked for inside lines."""
FULL = 0.8
"""A file in which at least this share of the cues begins like a label is taken to label every cue."""
NOBODY = _words(
    "unknown|unknown speaker|speaker unknown|unidentified|unidentified speaker|speaker ?|n/a|none|?|undefined",
    "|",
)
"""Labels, in lower case, that mean that the speaker is unknown."""
NO_NAMES = _words(
    "note|notes|warning|example|reminder|remember|update|source|tip|p.s|ps|translation|subtitles|subtitles by|"
    "captions|transcript|music|lyrics|http|https",
    "|",
)
"""Texts, in lower case, that stand before a colon at the start of a line and do not name a speaker."""
REMARKS = _words(
    "act answer answers chapter conclusion definition episode exercise fact figure finally first idea lesson meaning "
    "namely no now number ok okay part plus point principle problem question questions quote reason result results "
    "rule second section solution sources step summary theorem third tips title today topic truth version well yes"
)
"""First words, in lower case, of what does not name a speaker when it stands before a colon only once."""
COMMON = _words(
    "a about after all also an and answer are as asked at be because before but by can could did do does each every "
    "example few first follows for from had has have he her here him his how i if in into is it its just last like "
    "little lot many may me means meaning more most my next no not now of on one only or other our out question quote "
    "quoting said same say saying says second see she should so some still such than that the their them then there "
    "these they thing things third this those three to too two up us was way we well were what when where which who "
    "why will with would wrote yes yet you your"
)
"""English words, in lower case, of sentences and not of names."""
PARTICLES = _words("of the and in van von der den de da di do dos la le du del el al bin ibn y e i")
"""Words that may stand in lower case inside a name."""
SOUNDS = _words(
    "applause applauding audio background beep beeping bell bells blank_audio bleep breath breathing breathes censored "
    "cheer cheering cheers chuckle chuckles chuckling clapping claps clicking clears cough coughing coughs cries "
    "crosstalk crying dings exhales foreign gasps gasp giggles groans grunts humming inaudible indistinct inhales "
    "inhale instrumental jingle knocking knocks laugh laughing laughs laughter mumbles music musical no_speech noise "
    "overlapping pause pauses phone phonetic playing plays ring ringing rings scoffs screaming screams shouting shouts "
    "sigh sighing sighs silence silent sings singing slams sneezes snaps snorts song sound sounds speaking speaks "
    "static stutters swears theme throat translated translating unintelligible upbeat video whispering whispers "
    "whistling yelling"
)
"""Words, in lower case, of what is heard and not said; brackets with one of them name nobody."""

_ROLES = (
    r"(?:Speaker|Host|Co-?[Hh]ost|Guest|Interviewer|Interviewee|Moderator|Narrator|Announcer|Presenter|Facilitator|"
    r"Operator|Caller|Panelist|Questioner|Reporter|Translator|Interpreter|Student|Teacher|Man|Woman|Boy|Girl|"
    r"(?:Audience|Staff|Panel|Crew)(?: [Mm]ember)?|(?:Male|Female|Unknown|Unidentified)(?: (?:[Ss]peaker|[Vv]oice))?)"
)
_ROLE = re.compile(rf"{_ROLES}|{_ROLES.upper()}")
_SURE = re.compile(
    r"(?i:(?:(?:unknown|unidentified|male|female) )?(?:speaker|spkr?|host|guest|voice|participant|panelist|"
    r"interviewer|interviewee|caller|audience|person)[ _#-]*\d{1,3})"
    r"|(?i:speaker) [A-Z?]"
    r"|[\w.+-]{1,40}@[\w-]{1,40}(?:\.[\w-]{1,20}){1,4}"  # an e-mail address
    r"|\+?\d(?:[\s().-]{0,3}[\d*]){6,15}"  # a telephone, as in a list of participants
)
_HANDLE = re.compile(r"\w*(?:\d|[^\W_]_|_[^\W_]|\w\.\w|@|[a-z][A-Z])[\w.@-]*")
_PLAIN = frozenset(" ._'’-–—&()/#@+|,~*•·\u200c\u200d")
_NOT_NAMES = re.compile(
    r"\b(?!(?:prof|assoc|asst|capt|dipl)\b)\w{4,}[.] |^www[.]|[.](?:com|org|net|edu|gov|io)$", re.IGNORECASE
)
"""The end of a sentence, or the address of a site."""
_TERMINAL = re.compile(r"[.?!…。？！♪]['\"”’»)\]」』]*$")

MARK = re.compile(r"\0t(\d+)\0")
"""A time inside a line, in milliseconds; a voice tag is `\\0vAnn\\0`. No text holds NULs."""
_MARKS = re.compile(r"(?:\0t\d+\0\s*)+")
_STAMP = r"[\[(]\s?(?:\d{1,3}:)?\d{1,3}:\d{2}(?:[.,]\d{1,3})?\s?[\])]"
_END = r"(?:[.?!…]['\"”’»)\]]{0,3}(?:\s|\0t\d+\0){1,4}|[。？！]['\"”’」』]{0,3}(?:\s|\0t\d+\0){0,4})"
_BEFORE = rf"(?P<before>^(?:>>+\s*|[-–—]\s+){{0,3}}|(?:{_END}|>>\s?))"
"""The start of a line, or the end of a sentence: a label may follow."""
_EMPHASIS = re.compile(
    rf"{_BEFORE}(?P<mark>\*{{1,3}}|__)(?P<name>[^*:\0]{{1,60}}?)(?P<in>\s?:)?(?P=mark)"
    rf"(?:\s?{_STAMP})?(?P<out>\s?:)?\s*"
)
_STAMPED = re.compile(rf"{_BEFORE}(?P<name>[^.?!…:\[\]()\0]{{1,60}}?)\s?{_STAMP}(?:\s?(?P<colon>:)\s*|$)")
_STAMP_BEFORE = re.compile(rf"{_BEFORE}{_STAMP}\s*(?=\S[^:：\0]{{0,59}}[:：]|\[[^\[\]\0]{{1,60}}\])")
_WIDE_ARROWS = re.compile(r"≫|＞＞+")
_WIDE_SQUARE = re.compile(
    rf"{_BEFORE}[【［〔〖](?P<name>[^【】［］〔〕〖〗\0]{{1,60}})[】］〕〗]\s?(?P<colon>[:：])?\s*"
)
_AT = re.compile(rf"{_BEFORE}@(?=[^\W\d_][^\s:：@]{{0,39}}(?: [^\s:：@]{{1,40}}){{0,2}}\s?[:：](?:[\s\0]|$))")
_WIDE_ROUND = re.compile(rf"{_BEFORE}（(?P<name>[^（）\0]{{1,60}})）\s?(?P<colon>[:：])?\s*(?=[^\s\0])")
_COLON_AND_BRACKETS = re.compile(
    rf"{_BEFORE}(?:\[(?P<square>[^\[\]:\0]{{1,60}}):\]|\((?P<round>[^():\0]{{1,60}})\)\s?:)\s*(?=[^\s\0])"
)
_EXPLICIT = re.compile(
    r"(?:^|(?<=\s)|(?<=\0))(?:\0v([^\0]*)\0|\[(?=[^\[\]]{0,59}[^\W\d_])([^\[\]\0]{1,60})\]\s*:|\[(SPEAKER_\d+)\])\s*"
)
_PREFIX = re.compile(r"([^\s:：\[\]\0][^:：\[\]\0]{0,59})(?::(?=[\s\0]|$|[^\W\d_]|[\"'“‘¿¡])|：)\s*")
_BELIEVED = re.compile(r"([^\s:：\[\]\0][^:：\[\]\0]{0,59})(?::(?!//)|：)\s*")
_BRACKET = re.compile(r"\[([^\[\]\0]{1,60})\]\s*")
_PARENTHESIS = re.compile(r"\(([^()\0]{1,60})\)\s*")
_ARROWS = re.compile(r"(?:^|(?<=[\s\0.?!,…。？！])(?<!\d\s))>>+\s*")
_DASH = re.compile(r"[-–—]\s+")
_DASH_INSIDE = re.compile(r"(?<=[.?!…])\s+(?=[-–—]\s)")
_OPENING = re.compile(r"^(?:>>+\s*|[-–—]\s+)+")
_INSIDE = re.compile(rf"{_END}([^\s.?!…。？！:：\[\]\0][^.?!…。？！:：\[\]\0]{{0,39}})(?::(?=[\s\0])|：)")


class Labels(NamedTuple):
    """What names a speaker in a file, apart from the labels that are believed everywhere."""

    colons: frozenset[str] = frozenset()
    """texts before a colon"""
    brackets: frozenset[str] = frozenset()
    """texts in square brackets"""
    parentheses: frozenset[str] = frozenset()
    doubtful: frozenset[str] = frozenset()
    """texts before a colon or in brackets that may be labels: nobody is known to say what follows"""
    inside: re.Pattern[str] | None = None
    """finds such a label behind the end of a sentence"""


class _Place(NamedTuple):
    """A text that stands where a label could."""

    form: str
    """`:`, `[` or `(`"""
    name: str
    cue: int
    first: bool
    """whether nothing is said before it in its cue"""
    marked: bool
    """whether a dash or `>>` stands before it"""
    ended: bool
    """whether what was said before ended a sentence, or was nothing"""
    rest: str


def normalise(line: str) -> str:
    """Write a label as `Ann: `, `[Ann] ` or `(Ann) ` that has emphasis, a time or other brackets.

    Such are `**Ann:**`, `Ann (00:12):`, `[00:12] Ann:`, `[Ann:]`, `(Ann):`, `@Ann:`, `【安娜】`, `［安娜］` and
    `（安娜）`. Wide arrows, as in East Asian captions, become `>>`.
    """
    if not line.isascii():
        line = _WIDE_ARROWS.sub(">>", line)
        line = _WIDE_SQUARE.sub(lambda m: f"{m['before']}[{m['name']}]{':' if m['colon'] else ''} ", line)
        line = _WIDE_ROUND.sub(
            lambda m: f"{m['before']}{m['name']}: " if m["colon"] else f"{m['before']}({m['name']}) ", line
        )
    if "@" in line:
        line = _AT.sub(lambda match: match["before"], line)
    if ":" in line and ("[" in line or "(" in line):
        line = _COLON_AND_BRACKETS.sub(_without_brackets, line)
    if "*" in line or "__" in line:
        line = _EMPHASIS.sub(lambda m: f"{m['before']}{m['name']}: " if m["in"] or m["out"] else m[0], line)
    if ":" in line:
        line = _STAMP_BEFORE.sub(lambda match: match["before"], line)
        line = _STAMPED.sub(_without_stamp, line)
    return line


def _without_brackets(match: re.Match[str]) -> str:
    name = match["square"] or match["round"]
    is_label = judge_name(name) in ("sure", "role", "like") and not is_sound(name)
    return f"{match['before']}{name}: " if is_label else match[0]


def _without_stamp(match: re.Match[str]) -> str:
    names = ("sure", "role", "like", "odd") if match["colon"] else ("sure", "role")
    return f"{match['before']}{match['name']}: " if judge_name(match["name"]) in names else match[0]


def find(cues: Sequence[Sequence[str]], facts: Counter[str]) -> Labels:
    """Find which texts name speakers, from the lines of all cues.

    A text before a colon must recur, and more often than the same word in lower case elsewhere. There must be two such
    names, or one that begins the file or half of its cues. Then the name that begins the file need not recur, nor a
    name of several words, a role (`Audience Member`), or a name that somebody is called by, if it follows a sentence.
    Texts that look less like a name (`john smith`) are believed only if they recur in a file that labels nearly every
    cue. A file whose labels are believed everywhere (`<v Ann>`, `[Ann]:`) has no others.
    """
    lines = [line for cue in cues for line in cue]
    explicit = {_name(match) for line in lines for match in _EXPLICIT.finditer(line)}
    if explicit:
        return Labels(brackets=frozenset(explicit - {UNKNOWN}))
    places = list(_find_places(cues))
    words = Counter(word.strip(".,;:!?") for line in lines for word in MARK.sub(" ", line).split())
    colons, doubtful = _believe_colons(places, len(cues), words)
    squares, also = _believe_brackets(places, len(cues), colons)
    rounds = {p.name for p in places if p.form == "(" and _is_round(p.name, places)}
    if count := sum(p.form == ":" and p.name not in colons for p in places):
        facts["doubtful_labels"] = count
    if not colons and not squares and not rounds:
        return Labels()
    return Labels(
        frozenset(colons),
        frozenset(squares),
        frozenset(rounds),
        frozenset(doubtful | also),
        _compile_inside(colons, squares),
    )


def _compile_inside(colons: set[str], squares: set[str]) -> re.Pattern[str] | None:
    """Return what finds a label inside a line: brackets anywhere, and a name with a colon behind a sentence."""
    ways = []
    if (
        len(colons) + len(squares) > MOST_INSIDE
    ):  # an expression of many names is slow, and nobody has so many guests
        return None
    for before, after, names in ((_END, r"\s?(?::(?=[\s\0])|：)", colons), (r"\s", r"\]\s", squares)):
        if names:
            texts = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
            opening = r"\[" if names is squares else ""
            ways.append(f"(?:{before}){opening}(?P<{'square' if opening else 'colon'}>{texts}){after}")
    return re.compile("|".join(ways)) if ways else None


def split_line(line: str, labels: Labels, by_dash: bool) -> Iterator[tuple[str, str]]:
    """Yield (label, text) along the line.

    "" means no label. A dash (with `by_dash`) or `>>` without a label means a new speaker who is not named.
    """
    starts = [0, *(match.start() for match in _ARROWS.finditer(line))]
    for start, end in zip(starts, [*starts[1:], len(line)], strict=True):
        chunk = line[start:end]
        parts = _DASH_INSIDE.split(chunk) if by_dash and _DASH.match(chunk) else [chunk]
        if not line or chunk:
            for part in parts:
                yield from _split_part(part, labels, by_dash)


def begins_with_dash(line: str) -> bool:
    """Whether a line begins with a dash, as the lines of two speakers in one cue do."""
    return bool(_DASH.match(line))


def name_speaker(text: str) -> str:
    """The label as it is written, with single spaces; UNKNOWN if it says that nobody is known."""
    name = " ".join(text.split())
    return UNKNOWN if not name or name.lower() in NOBODY else name


def _split_part(text: str, labels: Labels, by_dash: bool) -> Iterator[tuple[str, str]]:
    label, marks = "", ""
    while True:
        if match := _MARKS.match(text):
            marks += match[0]
        elif (match := _ARROWS.match(text)) or (by_dash and (match := _DASH.match(text))):
            label = label or UNKNOWN
        elif match := _EXPLICIT.match(text):
            label = _name(match)
        elif label in ("", UNKNOWN) and (match := _match(text, labels)):
            label = name_speaker(match[1])
        else:
            break
        text = text[match.end() :]
    if not label and any(name in labels.doubtful for name in _candidates(text)):
        label = UNKNOWN
    text = marks + text
    inner = [(match.start(), match.end(), _name(match)) for match in _EXPLICIT.finditer(text)]
    if labels.inside:
        for match in labels.inside.finditer(text):
            group = str(match.lastgroup)
            begin = match.start(group) - (group == "square")
            inner.append((begin, match.end(), name_speaker(match[group])))
    start = 0
    for begin, end, name in sorted(inner):
        if begin >= start:
            yield label, text[start:begin]
            label, start = name, end
    yield label, text[start:]


def _match(text: str, labels: Labels) -> re.Match[str] | None:
    for pattern, names in (
        (_BELIEVED, labels.colons),
        (_BRACKET, labels.brackets),
        (_PARENTHESIS, labels.parentheses),
    ):
        match = pattern.match(text) if names else None
        if match and " ".join(match[1].split()) in names:
            return match
    return None


def _candidates(text: str) -> list[str]:
    matches = (pattern.match(text) for pattern in (_PREFIX, _BRACKET))
    return [" ".join(match[1].split()) for match in matches if match]


def _name(match: re.Match[str]) -> str:
    return name_speaker(next(group for group in match.groups() if group is not None))


def _find_places(cues: Sequence[Sequence[str]]) -> Iterator[_Place]:
    """Find where labels could stand: at the start of a line, behind `>>`, and behind the end of a sentence."""
    ended = True
    for number, lines in enumerate(cues):
        first = True
        for row, line in enumerate(lines, 1):
            starts = [0, *(match.start() for match in _ARROWS.finditer(line))]
            for start, end in zip(starts, [*starts[1:], len(line)], strict=True):
                chunk = MARK.sub("", line[start:end]).strip()
                text = _OPENING.sub("", chunk)
                for form, pattern in ((":", _PREFIX), ("[", _BRACKET), ("(", _PARENTHESIS)):
                    match = pattern.match(text)
                    # a bracket with nothing behind it is a sound
                    followed = match is not None and (match.end() < len(text) or row < len(lines))
                    if match and (form == ":" or followed) and judge_name(name := " ".join(match[1].split())):
                        rest = text[match.end() :][:60]
                        yield _Place(form, name, number, first, text != chunk, ended, rest)
                for match in _INSIDE.finditer(text):
                    if judge_name(name := " ".join(match[1].split())) not in ("", "odd"):
                        yield _Place(":", name, number, False, False, True, text[match.end() :][:60])
                if text:
                    first, ended = False, bool(_TERMINAL.search(text))


def _believe_colons(places: Sequence[_Place], cues: int, words: Counter[str]) -> tuple[set[str], set[str]]:
    """Return the texts before a colon that name speakers, and those that may."""
    places = [place for place in places if place.form == ":"]
    counts = Counter(place.name for place in places)
    shapes = {name: judge_name(name) for name in counts}
    small = {name: words[name.lower()] if name != name.lower() else 0 for name in counts}
    odd = _find_recurring(places, words)
    looks = {name for name in counts if name in odd or (shapes[name] != "odd" and counts[name] > small[name])}
    looks &= {p.name for p in places if p.ended or counts[p.name] > 1 or shapes[p.name] == "sure"}
    full = cues > 1 and len({p.cue for p in places if p.first and p.name in looks}) >= FULL * cues
    ended = Counter(place.name for place in places if place.ended)
    often = {n for n in odd if counts[n] > 2 and ended[n] >= FULL * counts[n] and _may_occur_once(n)}
    names = often | {n for n in looks - odd if shapes[n] == "sure" or counts[n] > max(1, small[n])}
    if full:
        names |= odd | {n for n in looks - odd if _may_occur_once(n)}
    opens = {p.name for p in places[:1] if p.first and p.cue == 0 and p.name in looks}
    names = names | opens if names else names
    if len(names) < 2 and names != opens and 2 * sum(counts[name] for name in names) < cues:
        return set(), set()
    doubtful = odd - names if names else set()
    once = looks - names - odd
    for place in places if names else ():
        name = place.name
        if name in once and place.ended and _may_occur_once(name):
            called = words[name] > counts[name]
            sure = shapes[name] == "role" or len(name.split()) > 1 or place.marked or called
            (names if sure else doubtful).add(name)
    return names, doubtful


def _find_recurring(places: Sequence[_Place], words: Counter[str]) -> set[str]:
    """Find the texts in lower case that stand before different words again and again, and hardly anywhere else."""
    rests: dict[str, set[str]] = {}
    counts: Counter[str] = Counter()
    for place in places:
        if judge_name(place.name) == "odd":
            rests.setdefault(place.name, set()).add(place.rest)
            counts[place.name] += 1
    return {
        name
        for name, count in counts.items()
        if len(rests[name]) > 1 and all(words[word] <= 2 * count for word in name.split())
    }


def _believe_brackets(places: Sequence[_Place], cues: int, colons: set[str]) -> tuple[set[str], set[str]]:
    """Return the texts in square brackets that name speakers, and those that may."""
    places = [p for p in places if p.form == "[" and not is_sound(p.name) and judge_name(p.name) != "odd"]
    counts = Counter(place.name for place in places)
    if colons:
        return {name for name in counts if name in colons or judge_name(name) == "sure"}, set()
    full = cues > 1 and len({place.cue for place in places if place.first}) >= FULL * cues
    names = {name for name in counts if counts[name] > 1 or full or judge_name(name) == "sure"}
    opens = {place.name for place in places[:1] if place.first and place.cue == 0}
    if len(names) < 2 and names != opens and 2 * sum(counts[name] for name in names) < cues:
        return set(), set()
    once = {place.name: place for place in places if names and place.name not in names}
    sure = {name for name, place in once.items() if place.marked or judge_name(name) == "role"}
    return names | sure, set(once) - sure


def _is_round(name: str, places: Sequence[_Place]) -> bool:
    """Whether a text in parentheses names a speaker: a number (`speaker 0`), or a name that recurs beside another."""
    if is_sound(name):
        return False
    counts = Counter(place.name for place in places if place.form == "(" and not is_sound(place.name))
    recurring = {
        other for other, count in counts.items() if count > 1 and judge_name(other) in ("like", "role")
    }
    return judge_name(name) == "sure" or (name in recurring and len(recurring) > 1)


def is_sound(name: str) -> bool:
    """Whether a text between brackets, or before a sign, is what is heard and not said, or a remark."""
    return any(word.strip(".,'’()").lower() in SOUNDS for word in name.split()) or name.lower() in NO_NAMES


def _may_occur_once(name: str) -> bool:
    """Whether a name may be believed although it stands in one place: it is no remark such as `Step Two`."""
    first = name.split()[0].lower()
    return "," not in name and first not in REMARKS and (first not in COMMON or judge_name(name) == "role")


def judge_name(text: str) -> str:
    """Tell how much a text looks like a name: `sure`, `role`, `like`, `odd`, or "" for what is none.

    A name is short, each of its words begins with a capital (or is in a script without capitals) or is the name of an
    account, and it is not a remark such as `Note`. A text in lower case is odd, unless it has words of sentences.
    """
    plain = "".join(" " if _is_symbol(character) else character for character in text)
    plain = plain.lstrip("~#*•·_@ ")
    words = plain.split()
    if not words and any(map(_is_symbol, text)):
        return "odd"  # the emoji that somebody chose
    plain = " ".join(words)
    if not words or len(words) > 6 or plain.lower() in NO_NAMES:
        return ""
    if _SURE.fullmatch(plain):
        return "sure"
    if _ROLE.fullmatch(plain):
        return "role"
    written = all(c.isalnum() or c in _PLAIN or unicodedata.category(c)[0] == "M" for c in plain)
    if not written or not plain[0].isalpha() or _NOT_NAMES.search(plain):
        return ""
    if (len(words) > 4 or len(plain) > 40) and (
        words[0].lower() in COMMON or not any(character.isupper() for character in plain)
    ):
        return ""
    begins = not words[0][0].islower() or _HANDLE.fullmatch(words[0])
    if begins and all(not w[0].islower() or w in PARTICLES or _HANDLE.fullmatch(w) for w in words):
        return "like"
    common = any(word.replace("’", "'").strip("'.").partition("'")[0].lower() in COMMON for word in words)
    return "odd" if len(words) <= 4 and "," not in plain and not common else ""


def _is_symbol(character: str) -> bool:
    """Whether a character is an emoji or a part of one."""
    return unicodedata.category(character) in ("So", "Sk", "Cs") or character in "\ufe0e\ufe0f\u20e3"
