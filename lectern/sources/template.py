"""Addresses in the configuration, in which {LECTERN_X} stands for that environment variable.

Secrets are only filled into a `Template`, so that they only reach the host that the user wrote beside them. Whatever a
feed, a page, a listing or a redirect contains is plain text, in which {LECTERN_X} means nothing. Listings, which are in
git, have placeholders in place of secrets: `fill` restores them, but only for the host that has the secret already.
"""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lectern.core import secrets
from lectern.core.errors import ItemError
from lectern.sources import addresses
from lectern.sources.addresses import Reach

# A strict pattern, so that no two libraries can read different hosts from an address.
_ORIGIN = re.compile(r"(?i)(https?)://(?:([^/?#\\\s@]*)@)?([^/?#\\\s@{}]+)(?=[/?#]|$)")


@dataclass(frozen=True)
class Template:
    """Text from the configuration: an address, or the value of a header."""

    text: str

    @property
    def names(self) -> list[str]:
        """The environment variables that it names."""
        return secrets.PLACEHOLDER.findall(self.text)

    @property
    def is_private(self) -> bool:
        """Whether it names a secret."""
        return bool(self.names)

    @property
    def place(self) -> str | None:
        """The host, with its port unless that is the default; `None` if the text is not an address."""
        found = _origin(self.text)
        return found[1] if found else None

    def expand(self) -> str:
        """The text with the secrets filled in.

        Raises:
            ItemError: a variable is not set.
        """
        return _put_in(self.text, self.names)

    @property
    def shown(self) -> str:
        """The address for messages, without secrets."""
        return secrets.without_secrets(self.text)


def fill(address: str, templates: Sequence[Template]) -> str:
    """An address that was stored with placeholders, with the secrets that its host receives anyway filled in.

    Only variables are filled in that a template with the same scheme, host and port names. Any other placeholder is a
    stranger's text.

    Raises:
        ItemError: a variable is not set.
    """
    found = _origin(address)
    names: list[str] = []
    for template in templates:
        own = _origin(template.text)
        # User and password come before the host. They must be empty or the template's own to receive a secret.
        if found and own and found[:2] == own[:2] and found[2] in ("", own[2]):
            names += template.names
    return _put_in(address, names)


def hide(text: str, *templates: Template) -> str:
    """Put the placeholders of `templates` back in place of their secrets in `text`, however these are encoded."""
    values = {name: os.environ.get(name, "") for template in templates for name in template.names}
    for name, secret in sorted(values.items(), key=lambda entry: (-len(entry[1]), entry)):
        text = secrets.mask(text, secret, f"{{{name}}}")
    return text


def map_texts(value: Any, change: Callable[[str], str]) -> Any:
    """A JSON value in which `change` was applied to each string, keys included."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {change(str(key)): map_texts(inner, change) for key, inner in value.items()}
    return [map_texts(inner, change) for inner in value] if isinstance(value, list | tuple) else value


def find_reach(templates: Sequence[Template], allow_private: bool, hosts: Sequence[str]) -> Reach:
    """Which addresses a source may connect to: private ones only if it allows them, and only on hosts that it names."""
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
    # A secret before the host, such as a token with a slash, could change what is read as the host.
    if (written := _origin(text)) and (_origin(filled) or ())[:2] != written[:2]:
        raise ItemError(
            f"the value of {' or '.join(sorted(wanted))} holds a character that may not stand before a host (/, ?, # "
            "or @). Ask the site for an address with the secret after its host, or for another secret"
        )
    return filled


def _origin(url: str) -> tuple[str, str, str] | None:
    """Scheme, host (with its port unless that is the default), and the text before the host; `None` if malformed."""
    found = _ORIGIN.match(url)
    plain = addresses.canonical(f"{found[1]}://{found[3]}/") if found else None
    return (found[1].lower(), addresses.netloc(plain), found[2] or "") if found and plain else None
