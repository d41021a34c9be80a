"""Secrets in texts and addresses: finding and masking them in any encoding.

Addresses are kept in many places (item.json, listings, the provenance of a row, what `push` uploads), and all of them
pass through `without_credentials` first: the type `core.schema.Address` does so.
"""

import functools
import re
from collections.abc import Iterator
from urllib.parse import unquote_plus

PLACEHOLDER = re.compile(r"\{([A-Za-z0-9_]*)\}")
"""Stands for an environment variable in an address of the configuration, such as {LECTERN_FEED_TOKEN}."""

_HIDDEN = re.compile(r"(?:\{LECTERN_[A-Za-z0-9_]*\}:?)+")
_PARTS = re.compile(r"(?s)((?:[A-Za-z][A-Za-z0-9+.-]*:)?//)([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?")
# Names that mark their value as a secret, whatever it is: those of tokens and keys, and of the signed addresses of
# Amazon, Google, Azure, Akamai and CloudFront.
_SECRET = re.compile(
    r"(?i)(?!(?:next|page|sync|continuation)[-_]?(?:page[-_]?)?token$)"
    r"(?:[\w.-]*(?:token|signature|secret|passw(?:or)?d|passphrase|credentials?|api[-_]?key)"
    r"|(?:[\w.]+[-_.])?(?:sig|hmac|jwt)"
    r"|(?:(?:access|auth|app|private|account|subscription|feed|user|client|rss)[-_]?)?key"
    r"|auth|authorization|bearer|passwd|pass|pwd|token[-_.]?hash"
    r"|awsaccesskeyid|googleaccessid|key-pair-id|hdne[at]|hdnt[sl])"
)
# Names that can mean anything: `t` is a token on one site, and a time in seconds on another.
_VAGUE = re.compile(r"(?i)[hkst]|code|hash|session(?:_?id)?|sid|ticket|user|uid|access")
_RANDOM = re.compile(r"[A-Za-z0-9_.~+/=-]{16,}")
# For a server that needs no key, people give such a word as the key. It may also occur in a reply.
_PLAIN_WORDS = re.compile(r"(?:[a-z]+(?:[-_. ][a-z]+)*|[A-Z]+(?:[-_. ][A-Z]+)*)")
_LONGEST_WORDS = 20

_URL = re.compile(
    r"(?i)([a-z][a-z0-9+.-]{0,20}://)(?:[^\s/\"'<>]*@)?"
    r"(\[[^\]\s]*\]|[^\s/?#:\"'<>)]*)(?::(?!\d)[^\s/?#\"'<>)]*)?([^\s?#\"'<>)]*)[^\s\"'<>)]*"
)


@functools.lru_cache(maxsize=64)
def pattern(secret: str) -> re.Pattern[str]:
    """Matches a secret as it is, percent-encoded in whole or in part, once or twice, or escaped for HTML or JSON."""
    forms = (_forms(character) for character in secret)
    return re.compile("".join(f"(?:{'|'.join(form)})" for form in forms))


def mask(text: str, secret: str, instead: str = "***") -> str:
    """`text` with `instead` in place of each occurrence of the secret. An empty secret changes nothing."""
    return pattern(secret).sub(lambda _: instead, text) if secret else text


def is_dummy(token: str) -> bool:
    """Whether a token is only a placeholder for a server that asks for none, such as `EMPTY` or `not-needed`."""
    return len(token) < _LONGEST_WORDS and _PLAIN_WORDS.fullmatch(token) is not None


def is_secret(name: str, value: str) -> bool:
    """Whether a parameter of an address holds a secret.

    It does when its name says so, or when its name can mean anything and its value is long and random (`t=42` and
    `t=1m30s` are times). A placeholder for an environment variable is not a secret.
    """
    if not value or _HIDDEN.fullmatch(value):
        return False
    return bool(_SECRET.fullmatch(name) or (_VAGUE.fullmatch(name) and _is_random(value)))


@functools.lru_cache(maxsize=4096)  # rows of one item have one address
def without_credentials(address: str) -> str:
    """An address without its user and password, and without the parameters that are secrets (`is_secret`).

    Everything else stays byte for byte as it was, including placeholders.
    """
    parts = _PARTS.fullmatch(address)
    if parts is None or not ("@" in address or "=" in address):
        return address
    scheme, authority, path, query, fragment = (part or "" for part in parts.groups())
    user, at, place = authority.rpartition("@")
    if at and not _HIDDEN.fullmatch(user):
        authority = place
    elif _has_odd_port(authority) and "@" in (rest := path + query + fragment):
        return without_credentials(scheme + rest.rpartition("@")[2])  # of http://user:pw/more@host
    return scheme + authority + path + _clean(query) + _clean(fragment)


def _has_odd_port(authority: str) -> bool:
    """Whether the text after the host's colon is not a number, like the password in http://user:pw/more@host."""
    _, colon, port = authority.rpartition("]")[2].partition(":")
    return bool(colon) and re.fullmatch(r"\d*", port) is None


def has_credentials(address: str) -> bool:
    """Whether an address shows a user, a password or another secret."""
    return without_credentials(address) != address


def without_secrets(text: str) -> str:
    """`text` with the user, query and fragment removed from each URL in it, and any port that is not a number."""
    return _URL.sub(r"\1\2\3", text)


def _clean(part: str) -> str:
    """A query or fragment, with its `?` or `#`, without the parameters that are secrets."""
    kept = [pair for pair in part[1:].split("&") if not any(is_secret(*p) for p in _pairs(pair))]
    return part if len(kept) == part.count("&") + 1 else (part[:1] + "&".join(kept) if kept else "")


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    name, equals, value = text.partition("=")
    if equals:
        yield unquote_plus(name), unquote_plus(value)


def _is_random(value: str) -> bool:
    kinds = (r"[a-z]", r"[A-Z]", r"\d")
    return bool(_RANDOM.fullmatch(value)) and sum(bool(re.search(kind, value)) for kind in kinds) >= 2


def _forms(character: str) -> Iterator[str]:
    yield "".join(f"%(?:25)*(?i:{byte:02x})" for byte in character.encode("utf-8", "surrogatepass"))
    if character == " ":
        yield r"\+"
    if character in '/"\\':
        yield re.escape("\\" + character)
    code = ord(character)
    if code <= 0xFFFF:
        yield rf"\\u(?i:{code:04x})"
    names = {"&": "amp|", "<": "lt|", ">": "gt|", '"': "quot|", "'": "apos|"}
    yield rf"&(?:{names.get(character, '')}#0*{code}|#(?i:x0*{code:x}));"
    yield re.escape(character)  # last, because the other forms of an ampersand begin with one
