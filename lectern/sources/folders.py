"""Reading a folder of a source: its files, what lies beside each of them, and a safe name for each.

Beside a file stands what is known of it, in files of the same stem: `talk.info.json` with title, url, licence and more
(yt-dlp's own file serves), and `talk.description.txt` with the description as published (yt-dlp's `talk.description`
serves too). yt-dlp puts a language or the number of a format behind the stem (`talk.en.vtt`, `talk.f251.webm`), and
what is known of `talk` is known of these too.
"""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lectern.core import io
from lectern.core.errors import ItemError, LecternError
from lectern.core.item import Item
from lectern.core.printing import warn
from lectern.core.schema import Chapter

INFO = (".info.json",)
DESCRIPTION = (".description.txt", ".description")
TRUTH = (".truth.json",)
BESIDE = (
    *INFO,
    *DESCRIPTION,
    *TRUTH,
    ".live_chat.json",
    ".rechat.json",
    ".comments.json",
    ".annotations.xml",
)
"""Endings of what lies beside a file and is no item of its own."""
SHOWN = 5
_FORMAT = re.compile(r"\.f\d{1,4}(?:-\w{1,8})?$")
_ID = re.compile(r" \[[\w-]{1,64}\]$")
_RECORDINGS = (".mp4", ".mkv", ".webm", ".m4a", ".mp3", ".opus")
_LANGUAGE = re.compile(r"\.([a-z]{2,3})(-[A-Za-z0-9_-]{1,24})?$")
_CACHED = re.compile(r"/files/md5/[0-9a-f]{2}/[0-9a-f]{30}$")
"""The end of a path in DVC's cache."""


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
        LecternError: there is no such place, it holds none, or one is a link that leaves it.
    """
    if not place.is_dir() and not (may_be_file and place.is_file()):
        what = f"neither a {noun} nor a folder" if may_be_file else "not a folder"
        raise LecternError(f"corpus.sources: {place} is {what}. Put the {noun}s there, or correct `path`.")
    candidates = place.rglob("*") if place.is_dir() else [place]
    files = sorted(path for path in candidates if path.is_file())
    found = [path for path in files if is_wanted(path)]
    for path in found:
        if place.is_dir() and (target := find_way_out(path, place)) is not None:
            raise LecternError(
                f"corpus.sources: {path} is a link to {target}, which is outside of {place}. Put a copy of the file "
                "there, or remove the link."
            )
    _tell_left_out(place, noun, files, found)
    if not found:
        what = f"is not and does not hold a {noun}" if may_be_file else f"holds no {noun}"
        raise LecternError(
            f"corpus.sources: {place} {what} (looked for {' '.join(sorted(extensions))}). Put one there, or correct "
            "`path`."
        )
    return found


def find_way_out(path: Path, folder: Path) -> Path | None:
    """Where a link leads that leaves its folder; None for any other file.

    Whoever gives away a folder of data could otherwise have it carry files of the reader's machine into the model. The
    links that DVC makes for a tracked file lead into its cache, and are no way out.
    """
    if not path.is_symlink():
        return None
    target = path.resolve()
    inside = target.is_relative_to(folder.resolve()) or _CACHED.search(target.as_posix())
    return None if inside else target


def _tell_left_out(place: Path, noun: str, files: Sequence[Path], found: Collection[Path]) -> None:
    """Print how many files of a folder are no items and belong to none, by their endings."""
    stems = {(path.parent, base) for path in found for base in (path.name, path.stem, find_base(path))}
    others = [
        path
        for path in files
        if path not in found
        and not path.name.startswith((".", "~$"))
        and (path.parent, strip_ending(path)) not in stems
        and (path.parent, find_base(path)) not in stems
    ]
    if found and others:
        endings = Counter(path.suffix.lower() or "(none)" for path in others)
        counts = ", ".join(f"{count} {ending}" for ending, count in sorted(endings.items()))
        shown = ", ".join(path.name for path in others[:SHOWN]) + (", ..." if len(others) > SHOWN else "")
        what = "file is" if len(others) == 1 else "files are"
        warn(f"fetch: {place}: {len(others)} {what} no {noun} and left out ({counts}): {shown}")


def strip_ending(path: Path) -> str:
    """The name of a file without its suffix, or without the whole ending of a file that lies beside another."""
    ending = next((ending for ending in BESIDE if path.name.lower().endswith(ending)), path.suffix)
    return path.name[: len(path.name) - len(ending)]


def find_base(path: Path) -> str:
    """The stem without the language or the number of a format that yt-dlp puts behind it, where a file shows that.

    A file that lies beside this one has the stem without it, or the language as the original one; or the stem ends with
    an id in brackets, as yt-dlp writes it.
    """
    if match := _FORMAT.search(path.stem):
        return path.stem[: match.start()]
    match = _LANGUAGE.search(path.stem)
    if match is None:
        return path.stem
    base = path.stem[: match.start()]
    others = [base + ending for ending in (*BESIDE, *_RECORDINGS)]
    others += [f"{base}.{match[1]}{mark}{path.suffix}" for mark in ("", "-orig")]
    shown = _ID.search(base) or any(path.with_name(o).is_file() for o in others if o != path.name)
    return base if shown else path.stem


def find_language(path: Path) -> str | None:
    """The code of a language behind the stem, such as `en` of `talk.en-orig.vtt`; None if there is none."""
    match = _LANGUAGE.search(path.stem)
    return match[1] if match and find_base(path) != path.stem else None


def find_inputs(role: str, path: Path, **siblings: Sequence[str]) -> dict[str, Path]:
    """The inputs of an item: its file by its role, and those that lie beside it, as role=(suffix, ...)."""
    found = {name: find_sibling(path, *suffixes) for name, suffixes in siblings.items()}
    return {role: path} | {name: sibling for name, sibling in found.items() if sibling is not None}


def find_sibling(path: Path, *suffixes: str) -> Path | None:
    """The first existing file among `<stem><suffix>` beside the given one; `None` if there is none.

    Raises:
        LecternError: it is a link that leaves the folder.
    """
    stems = dict.fromkeys((path.stem, find_base(path)))
    candidates = (path.with_name(stem + suffix) for stem in stems for suffix in suffixes)
    found = next((path for path in candidates if path.is_file()), None)
    if found is not None and (target := find_way_out(found, found.parent)) is not None:
        raise LecternError(
            f"{found} is a link to {target}, which is outside of its folder. Put a copy of the file there, or remove "
            "the link."
        )
    return found


def read_info(path: Path | None) -> Mapping[str, Any]:
    """The metadata of an item from `<stem>.info.json`; empty if there is no such file.

    Raises:
        ItemError: it is not a JSON object.
    """
    if path is None:
        return {}
    try:
        info = io.parse_json(read_text(path))
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


def read_about(item: Item, info: Mapping[str, Any]) -> dict[str, Any]:
    """What the files beside a recording or a transcript say of it, as fields of `Source`.

    Raises:
        ItemError: one of them is malformed.
    """
    return {
        "title": read_title(item, info),
        "url": first_string(info, "webpage_url", "url"),
        "description": read_description(item, info),
        "licence": first_string(info, "licence", "license"),
        "published": _read_day(info),
        "author": first_string(info, "author", "channel", "uploader"),
        "chapters": _read_chapters(info, item.inputs.get("info")),
        "hosts": read_names(info, "hosts", "host"),
        "guests": read_names(info, "guests", "guest"),
    }


def _read_day(info: Mapping[str, Any]) -> str | None:
    """The day of publication; yt-dlp's form 20261122 is converted."""
    day = first_string(info, "published", "upload_date", "release_date")
    return f"{day[:4]}-{day[4:6]}-{day[6:]}" if day and re.fullmatch(r"\d{8}", day) else day


def _read_chapters(info: Mapping[str, Any], path: Path | None) -> list[Chapter]:
    chapters = info.get("chapters") or []
    try:
        return [Chapter(start=c["start_time"], end=c["end_time"], title=c["title"]) for c in chapters]
    except (KeyError, TypeError, ValidationError) as error:
        raise ItemError(
            f"{path}: `chapters` is not a list of objects with start_time, end_time and title. Correct it."
        ) from error


def read_names(info: Mapping[str, Any], *keys: str) -> list[str]:
    """Names as a list or as one text, in which `;` divides them."""
    value: Any = next((info[key] for key in keys if info.get(key)), [])
    names = value.split(";") if isinstance(value, str) else value if isinstance(value, list) else []
    return [" ".join(name.split()) for name in names if isinstance(name, str) and name.strip()]


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
