"""Choose which files of models/export go to the Hugging Face hub, and upload them."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lectern.core import secrets
from lectern.core.errors import LecternError
from lectern.core.printing import one_line
from lectern.publishing.facts import Facts
from lectern.publishing.writing import DATASET
from lectern.settings.publish import Publish

TOKEN = "HF_TOKEN"
MODEL_FILES = (
    "README.md",
    "USAGE.md",
    "Modelfile",
    "adapter/*.json",
    "adapter/*.safetensors",
    "adapter/*.jinja",
    "merged/*.json",
    "merged/*.safetensors",
    "merged/*.jinja",
    "gguf/*.gguf",
)
DATASET_FILES = ("README.md", "*/*.jsonl")
"""Only files that match these patterns are uploaded."""


@dataclass(frozen=True)
class Upload:
    """One repository on the hub, and the files to upload to it."""

    repo: str
    kind: Literal["model", "dataset"]
    folder: Path
    files: list[Path]

    @property
    def size(self) -> int:
        """Total size in bytes."""
        return sum(path.stat().st_size for path in self.files)


def plan(out: Path, chosen: Publish) -> list[Upload]:
    """What would be uploaded where.

    Raises:
        LecternError: a file is a symbolic link, which might lead out of the folder.
    """
    uploads = []
    if chosen.model_repo:
        uploads.append(Upload(chosen.model_repo, "model", out, _list(out, MODEL_FILES)))
    if chosen.dataset_repo:
        folder = out / DATASET
        uploads.append(Upload(chosen.dataset_repo, "dataset", folder, _list(folder, DATASET_FILES)))
    return uploads


def _list(folder: Path, patterns: tuple[str, ...]) -> list[Path]:
    found = sorted({path for pattern in patterns for path in folder.glob(pattern) if path.is_file()})
    for path in found:
        if path.is_symlink() or not path.resolve().is_relative_to(folder.resolve()):
            raise LecternError(
                f"{path} is a link. Only files in {folder} itself are uploaded: run `lectern export` again."
            )
    return [path for path in found if not path.name.startswith(".")]


def describe(upload: Upload, private: bool) -> list[str]:
    """Lines that name the repository and its files with their sizes."""
    seen = "private" if private else "public"
    lines = [f"{upload.kind} {upload.repo} ({seen}): {len(upload.files)} files, {show_size(upload.size)}"]
    lines += [f"  {show_size(p.stat().st_size):>9}  {p.relative_to(upload.folder)}" for p in upload.files]
    return lines


def show_size(size: int) -> str:
    """A number of bytes as B, kB, MB or GB."""
    for limit, unit, digits in ((1e9, "GB", 1), (1e6, "MB", 1), (1e3, "kB", 0)):
        if size >= limit:
            return f"{size / limit:.{digits}f} {unit}"
    return f"{size} B"


def push(upload: Upload, facts: Facts, *, private: bool, say: Callable[[str], None]) -> str:
    """Create the repository if it does not exist, and upload the files in one commit. Returns the commit's address.

    Args:
        upload: one of `plan`.
        facts: the commit message names their revision.
        private: whether a new repository is private.
        say: is called with a line about each step.

    Raises:
        LecternError: there is no token, the hub rejects it, or the upload is interrupted; the next push continues.
    """
    import httpx
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    token = os.environ.get(TOKEN, "").strip()
    if not token:
        raise LecternError(
            f"the hub needs a token with write access (hf.co/settings/tokens): `export {TOKEN}=...`"
        )
    api = HfApi(token=token)
    names = [path.relative_to(upload.folder).as_posix() for path in upload.files]
    try:
        say(f"uploading {len(names)} files to {upload.repo}")
        api.create_repo(upload.repo, repo_type=upload.kind, private=private, exist_ok=True)
        done = api.upload_folder(
            repo_id=upload.repo,
            repo_type=upload.kind,
            folder_path=upload.folder,
            allow_patterns=names,
            commit_message=f"Lectern at {facts.revision[:12] or 'an unknown revision'}",
        )
    except (HfHubHTTPError, httpx.HTTPError, OSError, RuntimeError, ValueError) as error:
        reason = secrets.mask(one_line(str(error)), token, "...")[:400]
        raise LecternError(
            f"{upload.kind} {upload.repo} was not pushed: {reason}\nIf the token was rejected, it needs write access "
            f"to {upload.repo.partition('/')[0]}. What was uploaded is kept: push again."
        ) from error
    return str(done.commit_url)
