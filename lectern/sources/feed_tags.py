"""The tags of Podcasting 2.0 of which an episode may have several: transcripts and people.

feedparser keeps only the last of several tags of an unknown namespace (kurtmckee/feedparser#435), and of a person only
the attributes, so these tags are read a second time.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from lectern.formats import xml

HOSTS = frozenset({"host", "co-host", "cohost", "guest host"})
GUESTS = frozenset({"guest", "interviewee", "panelist"})
"""Values of `role`, in lower case; what has none is a host, as the namespace says."""


class TranscriptTag(NamedTuple):
    """A `podcast:transcript`; what it does not say is empty."""

    url: str
    type: str
    language: str
    rel: str


class Tags(NamedTuple):
    """What an episode, or the channel, says in such tags."""

    transcripts: Sequence[TranscriptTag] = ()
    hosts: Sequence[str] = ()
    guests: Sequence[str] = ()


def read(body: bytes, count: int) -> list[Tags]:
    """Return the tags of each episode, in the order of the feed.

    People whom the channel names have the roles for which an episode names nobody.

    Args:
        body: the feed.
        count: the number of episodes that were found in it. If another number is found here, nothing is known of any.
    """
    root = xml.parse(body)
    if root is None:
        return [Tags()] * count
    entries = [element for element in root.iter() if _name(element) in ("item", "entry")]
    if len(entries) != count:
        return [Tags()] * count
    shows = [element for element in root.iter() if _name(element) in ("channel", "feed")][:1]
    show = _read(shows[0]) if shows else Tags()
    found = map(_read, entries)
    return [
        tags._replace(hosts=tags.hosts or show.hosts, guests=tags.guests or show.guests) for tags in found
    ]


def _read(element: Any) -> Tags:
    transcripts: list[TranscriptTag] = []
    hosts: list[str] = []
    guests: list[str] = []
    for child in element:
        if _name(child) == "transcript" and child.get("url"):
            values = [(child.get(key) or "").strip() for key in ("url", "type", "language", "rel")]
            transcripts.append(TranscriptTag(values[0], *(value.lower() for value in values[1:])))
        elif _name(child) == "person" and (name := " ".join("".join(child.itertext()).split())):
            role = (child.get("role") or "host").strip().lower()
            (hosts if role in HOSTS else guests if role in GUESTS else []).append(name)
    return Tags(transcripts, list(dict.fromkeys(hosts)), list(dict.fromkeys(guests)))


def _name(element: Any) -> str:
    """The name of an element without its namespace; empty for a comment."""
    return element.tag.rpartition("}")[2].rpartition(":")[2].lower() if isinstance(element.tag, str) else ""
