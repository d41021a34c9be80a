"""Reading a folder of a source: its files, what lies beside each of them, and a safe name for each.

Beside a file stands what is known of it, in files of the same stem: `talk.info.json` with title, url, licence and more
(yt-dlp's own file serves), and `talk.description.txt` with the description as published (yt-dlp's `talk.description`
serves too).
"""

import hashlib
import json
import re
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from lectern.core.errors import ItemError, LecternError
from lectern.core.item import Item

INFO = (".info.json",)
DESCRIPTION = (".description.txt", ".description")
TRUTH = (".truth.json",)


def item_id(name: str) -> str:
    """A name that is a safe file name everywhere: short, ASCII, and different for different names.

    A name that already is one stays. Any other is reduced to its plain letters, and a digest makes it unique.
    """
    if re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", name):
        return name
    digest = hashlib.sha256(unicodedata.normalize("NFC", name).encode()).hexdigest()[:8]
    return f"{slug(name) or 'item'}-{digest}"


def slug(text: str) -> str:
    """The ASCII letters and digits of a text in lower case, joined by dashes, at most 48; may be empty."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:48].rstrip("-")


def find_files(
    place: Path,
    noun: str,
    extensions: Collection[str],
    is_wanted: Callable[[Path], bool],
    *,
    may_be_file: bool = False,
) -> list[Path]:
    """The files below a folder that are wanted, sorted.

    Args:
        place: the folder; what it holds in other folders counts too.
        noun: what is looked for, to say in errors.
        extensions: likewise.
        is_wanted: whether a path is of this kind.
        may_be_file: `place` may also be one such file.

    Raises:
        LecternError: there is no such place, or it holds none.
    """
    if not place.is_dir() and not (may_be_file and place.is_file()):
        what = f"neither a {noun} nor a folder" if may_be_file else "not a folder"
        raise LecternError(f"corpus.sources: {place} is {what}. Put the {noun}s there, or correct `path`.")
    candidates = place.rglob("*") if place.is_dir() else [place]
    found = sorted(path for path in candidates if is_wanted(path) and path.is_file())
    if not found:
        what = f"is not and does not hold a {noun}" if may_be_file else f"holds no {noun}"
        raise LecternError(
            f"corpus.sources: {place} {what} (looked for {' '.join(sorted(extensions))}). Put one there, or correct "
            "`path`."
        )
    return found


def find_inputs(role: str, path: Path, **siblings: Sequence[str]) -> dict[str, Path]:
    """The inputs of an item: its file by its role, and those that lie beside it, as role=(suffix, ...)."""
    found = {name: find_sibling(path, *suffixes) for name, suffixes in siblings.items()}
    return {role: path} | {name: sibling for name, sibling in found.items() if sibling is not None}


def find_sibling(path: Path, *suffixes: str) -> Path | None:
    """The first existing file among `<stem><suffix>` beside the given one; `None` if there is none."""
    candidates = (path.with_name(path.stem + suffix) for suffix in suffixes)
    return next((path for path in candidates if path.is_file()), None)


def read_info(path: Path | None) -> Mapping[str, Any]:
    """The metadata of an item from `<stem>.info.json`; empty if there is no such file.

    Raises:
        ItemError: it is not a JSON object.
    """
    if path is None:
        return {}
    try:
        info = json.loads(read_text(path))
    except ValueError as error:
        raise ItemError(f"{path} is not JSON ({error}). Correct it, or delete it: it is optional.") from error
    if not isinstance(info, dict):
        raise ItemError(
            f"{path} holds a {type(info).__name__}, not an object. Correct it, or delete it: it is optional."
        )
    return info


def read_description(item: Item, info: Mapping[str, Any]) -> str:
    """What was published with an item: its description's file, else what its info says; empty where nothing does.

    Raises:
        ItemError: the file is not UTF-8.
    """
    path = item.inputs.get("description")
    return (read_text(path) if path else "") or first_string(info, "description") or ""


def read_title(item: Item, info: Mapping[str, Any]) -> str:
    """The title that the info of an item says, else the name of its file without its suffix."""
    return first_string(info, "title") or Path(item.values["name"]).name


def read_text(path: Path) -> str:
    """The text of a file in UTF-8, with or without a byte order mark.

    Raises:
        ItemError: it is in another encoding.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ItemError(f"{path} is not UTF-8 ({error}). Save it as UTF-8.") from error


def first_string(info: Mapping[str, Any], *keys: str) -> str | None:
    """The first value of these keys that is a non-empty string; `None` if there is none."""
    return next((info[key] for key in keys if isinstance(info.get(key), str) and info[key]), None)
