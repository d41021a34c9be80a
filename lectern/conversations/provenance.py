"""Record which stretch of a recording an example comes from."""

from collections.abc import Sequence
from urllib.parse import parse_qsl, urlencode, urlsplit

from lectern.core.schema import Conversation, Provenance, Word


def locate(conversation: Conversation, words: Sequence[Word], method: str) -> Provenance:
    """Return the provenance of an example made of `words`. Its link opens the recording at the first word."""
    start, end = words[0].start, max(word.end for word in words)
    return Provenance(
        item=conversation.item, url=link_at(conversation.url, start), start=start, end=end, method=method
    )


def link_at(url: str | None, start: float) -> str | None:
    """Return the address of a recording with `t=<seconds>`, as video sites read it; an existing `t` is replaced."""
    if url is None:
        return None
    parts = urlsplit(url)
    query = [(key, value) for key, value in parse_qsl(parts.query, keep_blank_values=True) if key != "t"]
    return parts._replace(query=urlencode([*query, ("t", str(int(start)))])).geturl()
