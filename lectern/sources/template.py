"""Addresses that a user wrote into the configuration, in which {LECTERN_X} stands for that variable of the environment.

A secret is put into a `Template` alone, and so reaches the host alone that the user wrote beside it. What a feed, a
page, a listing or a redirect says is a plain text, in which {LECTERN_X} stands for nothing. Listings, which are in git,
keep placeholders where an address held a secret: `fill` puts it back, for the host alone that has it already.
"""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lectern.core import secrets
from lectern.core.errors import ItemError
from lectern.sources.crawl import addresses
from lectern.sources.crawl.addresses import Reach

# Strict, so that no two libraries read another host out of it.
_ORIGIN = re.compile(r"(?i)(https?)://(?:([^/?#\\\s@]*)@)?([^/?#\\\s@{}]+)(?=[/?#]|$)")


@dataclass(frozen=True)
class Template:
    """What the user wrote: an address, or the value of a header."""

    text: str

    @property
    def names(self) -> list[str]:
        """The variables that it names."""
        return secrets.PLACEHOLDER.findall(self.text)

    @property
    def is_private(self) -> bool:
        """Whether it names a secret."""
        return bool(self.names)

    @property
    def place(self) -> str | None:
        """Host, with its port where it is not the default; None where it is no address."""
        found = _origin(self.text)
        return found[1] if found else None

    def expand(self) -> str:
        """The text with the secrets that it names.

        Raises:
            ItemError: a variable is not set.
        """
        return _put_in(self.text, self.names)

    @property
    def shown(self) -> str:
        """The address for a message."""
        return secrets.without_secrets(self.text)


def fill(address: str, templates: Sequence[Template]) -> str:
    """An address that was kept with placeholders, with those secrets that its host is sent anyway.

    Only variables count that a template of the same scheme, host and port names; any other placeholder is a text that
    somebody else wrote.

    Raises:
        ItemError: a variable is not set.
    """
    found = _origin(address)
    names: list[str] = []
    for template in templates:
        own = _origin(template.text)
        # The user's name and password stand before the host: nobody else's may hold a secret.
        if found and own and found[:2] == own[:2] and found[2] in ("", own[2]):
            names += template.names
    return _put_in(address, names)


def hide(text: str, *templates: Template) -> str:
    """Put the placeholders of `templates` back where their secrets stand in `text`, in any form."""
    values = {name: os.environ.get(name, "") for template in templates for name in template.names}
    for name, secret in sorted(values.items(), key=lambda entry: (-len(entry[1]), entry)):
        text = secrets.mask(text, secret, f"{{{name}}}")
    return text


def map_texts(value: Any, change: Callable[[str], str]) -> Any:
    """A value of JSON, each text in it changed, those that name something too."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {change(str(key)): map_texts(inner, change) for key, inner in value.items()}
    return [map_texts(inner, change) for inner in value] if isinstance(value, list | tuple) else value


def find_reach(templates: Sequence[Template], allow_private: bool, hosts: Sequence[str]) -> Reach:
    """What a source may connect to: private addresses where it says so, of the hosts that it names alone."""
    own = [place for template in templates if (place := template.place)]
    return Reach(tuple(dict.fromkeys([*own, *hosts])) if allow_private else ())


def _put_in(text: str, names: Sequence[str]) -> str:
    for name in names:
        if name.startswith("LECTERN_") and not os.environ.get(name):
            raise ItemError(
                f"the environment has no {name}, which a source asks for. Set it: export {name}=..."
            )
    wanted = {name for name in names if name.startswith("LECTERN_")}
    filled = secrets.PLACEHOLDER.sub(
        lambda found: os.environ[found[1]] if found[1] in wanted else found[0], text
    )
    # A secret before the host, such as a token with a slash in it, could end where the host is looked for.
    if (written := _origin(text)) and (_origin(filled) or ())[:2] != written[:2]:
        raise ItemError(
            f"the value of {' or '.join(sorted(wanted))} holds a character that may not stand before a host (/, ?, # "
            "or @). Ask the site for an address with the secret behind its host, or for another secret"
        )
    return filled


def _origin(url: str) -> tuple[str, str, str] | None:
    """Scheme, host with a port other than the default, and what stands before the host."""
    found = _ORIGIN.match(url)
    plain = addresses.canonical(f"{found[1]}://{found[3]}/") if found else None
    return (found[1].lower(), addresses.netloc(plain), found[2] or "") if found and plain else None
