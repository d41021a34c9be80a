"""Write the dicts and lists of Python that some models reply with, `{'question': 'x', 'good': True}`, as JSON.

Nothing is evaluated, and `ast.literal_eval` is not used either: what it accepts, warns of and says differs between
versions of Python, and it fails on deep nesting. So a scanner rewrites what differs from JSON: strings in single
or triple quotation marks, the constants, and commas before a closing bracket.
"""

import json
import re

MOST_TRIES = 20
"""How many places of a reply are tried as the beginning of a literal."""
DEEPEST = 50
"""Levels of brackets; rows in a list in an object are three."""

_TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<string>'''(?:[^\\]|\\.)*?'''|\"\"\"(?:[^\\]|\\.)*?\"\"\"|'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\")"
    r"|(?P<constant>(?:True|False|None|true|false|null)\b)"
    r"|(?P<number>-?\d{1,300}(?:\.\d{1,300})?(?:[eE][+-]?\d{1,3})?(?![\w.]))"
    r"|(?P<comma>,\s*(?=[\]}]))"
    r"|(?P<sign>[{}\[\],:])",
    re.DOTALL,
)
_CONSTANTS = {"True": "true", "False": "false", "None": "null"}
_JSON_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"')
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_ESCAPED = {
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "b": "\b",
    "f": "\f",
    "a": "\a",
    "v": "\v",
    "0": "\0",
    "\n": "",
} | {sign: sign for sign in "\\'\"/"}
_LAST = 0x10FFFF


def to_json(text: str) -> str:
    """Return the text, in which each outermost dict or list of Python that is not JSON is written as JSON."""
    done, at, tries = "", 0, 0
    while tries < MOST_TRIES and (start := re.compile(r"[{\[]").search(text, at)):
        tries += 1
        found = _scan(text, start.start())
        written, end = found or (text[start.start()], start.end())
        done += text[at : start.start()] + written
        at = end
    return done + text[at:]


def _scan(text: str, at: int) -> tuple[str, int] | None:
    """Return the JSON of the literal that begins at a place, and where it ends; None if none begins there."""
    written: list[str] = []
    closing: list[str] = []
    while match := _TOKEN.match(text, at):
        at = match.end()
        token = match[0]
        if match.lastgroup == "string":
            token = _write_string(token)
        elif match.lastgroup == "constant":
            token = _CONSTANTS.get(token, token)
        elif match.lastgroup == "comma":
            continue
        elif token in ("{", "["):
            closing.append("}" if token == "{" else "]")
        elif token in ("}", "]") and closing.pop() != token:
            return None
        written.append(token)
        if not closing:
            return "".join(written), at
        if len(closing) > DEEPEST:
            return None
    return None


def _write_string(token: str) -> str:
    """Write a string of Python, or of JSON, as JSON."""
    mark = 3 if token[:3] in ("'''", '"""') and len(token) >= 6 else 1
    if mark == 1 and _JSON_STRING.fullmatch(token):
        return token
    value = _ESCAPE.sub(_unescape, token[mark:-mark])
    halves = any(
        "\ud800" <= character <= "\udfff" for character in value
    )  # JSON joins two of them to a character
    return json.dumps(value, ensure_ascii=halves)


def _unescape(match: re.Match[str]) -> str:
    if match[4] is not None:
        return _ESCAPED.get(match[4], match[0])
    code = int(match[1] or match[2] or match[3], 16)
    return chr(code) if code <= _LAST else match[0]
