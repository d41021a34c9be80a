"""YAML of a few kilobytes that would make a parser crash, or grow without bound: find it before it is composed."""

from typing import Any

import yaml

MOST_LEVELS = 50
"""Greatest depth that is composed."""
LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def find(text: str, *, aliases: bool = True) -> tuple[int, str] | None:
    """Find the first such place: its line and what is wrong with it; None if there is none.

    The parser's composer calls itself for each level, and crashes where there are too many. Its events need no depth.

    Args:
        text: to look at.
        aliases: whether `*name` may stand in it. One of a few lines may stand for more values than memory holds.

    Raises:
        yaml.YAMLError: it is not YAML.
    """
    depth = 0
    for event in yaml.parse(text, Loader=LOADER):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MOST_LEVELS:
                return line, "the values are nested too deeply"
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.AliasEvent) and not aliases:
            return line, "it holds an alias (*name); write the value out"
    return None
