"""llama.cpp's own converter and quantization: from a saved transformers model to GGUF files.

The converter is a Python script that only source packages contain: that of llama-cpp-python is used, pinned by version
and sha256. Its files are unpacked into the user's cache; nothing in the package is built or installed. Files of 4 bits
are made by llama.cpp's `llama_model_quantize`, which the wheel of cyllama contains.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from lectern.core import io
from lectern.core.errors import LecternError
from lectern.core.printing import last_lines
from lectern.models import bundled

NAME, VERSION = "llama-cpp-python", "0.3.36"
SHA256 = "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e"
INSIDE = f"llama_cpp_python-{VERSION}/vendor/llama.cpp"
WANTED = ("convert_hf_to_gguf.py", "conversion/", "gguf-py/gguf/", "LICENSE")
"""The files of llama.cpp (MIT licence) that the conversion needs."""
SCRIPT = "convert_hf_to_gguf.py"
FOUR_BITS = 15
"""LLAMA_FTYPE_MOSTLY_Q4_K_M: blocks of 256 weights. Tensors whose rows are no multiple of that get 5 or 8 bits."""
# pip runs a source package's build to get its metadata. This build backend answers instead.
BACKEND = f'''
from pathlib import Path

def get_requires_for_build_wheel(config_settings=None):
    return []

def prepare_metadata_for_build_wheel(folder, config_settings=None):
    made = Path(folder) / "{NAME.replace("-", "_")}-{VERSION}.dist-info"
    made.mkdir()
    (made / "METADATA").write_text("Metadata-Version: 2.1\\nName: {NAME}\\nVersion: {VERSION}\\n")
    return made.name
'''


def get_converter() -> Path:
    """The folder with the converter. The first call downloads and unpacks it (77 MB, of which 2 MB are kept).

    Raises:
        LecternError: it cannot be downloaded, or is not the pinned file.
    """
    target = bundled.cache_dir() / f"llama.cpp-convert-{SHA256[:12]}"
    if not target.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".unpack-") as scratch:
            _unpack(_download(Path(scratch)), Path(scratch) / "content")
            bundled.move_into_cache(Path(scratch) / "content", target)
    return target


def _download(folder: Path) -> Path:
    backend = folder / "backend/scikit_build_core"
    backend.mkdir(parents=True)
    (backend / "__init__.py").touch()
    (backend / "build.py").write_text(BACKEND)
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{NAME}=={VERSION} --hash=sha256:{SHA256}\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--no-build-isolation", f"--no-binary={NAME}", "-d", str(folder), "-r", str(requirements)]
    env = {**os.environ, "PYTHONPATH": str(backend.parent)}
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    found = sorted(folder.glob("*.tar.gz"))
    if done.returncode or len(found) != 1:
        reason = " ".join(last_lines(done.stderr)) or "no file came"
        raise LecternError(
            f"{NAME}=={VERSION}, whose source holds llama.cpp's converter, could not be downloaded: "
            f"{reason}\nCheck the connection to the package index. `lectern export --no-gguf` needs none."
        )
    if (sha256 := io.sha256(found[0])) != SHA256:
        raise LecternError(
            f"{found[0].name} has sha256 {sha256}, expected {SHA256}. Do not use it; report it."
        )
    return found[0]


def _unpack(archive: Path, content: Path) -> None:
    with tarfile.open(archive) as opened:
        for member in opened:
            name = member.name.removeprefix(f"{INSIDE}/")
            if member.isfile() and name != member.name and name.startswith(WANTED) and ".." not in name:
                file = opened.extractfile(member)
                assert file is not None
                (content / name).parent.mkdir(parents=True, exist_ok=True)
                with (content / name).open("wb") as out:
                    shutil.copyfileobj(file, out)


def convert(model: Path, out: Path, kind: str) -> None:
    """Write a saved transformers model as GGUF.

    Args:
        model: folder with safetensors, tokenizer and chat template.
        out: the file to write.
        kind: f16 or q8_0.

    Raises:
        LecternError: the converter does not know the architecture or the tokenizer; the message quotes it.
    """
    folder = get_converter()
    command = [sys.executable, str(folder / SCRIPT), str(model), "--outtype", kind, "--outfile", str(out)]
    env = {**os.environ, "PYTHONPATH": str(folder / "gguf-py"), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=env, errors="replace")
    if done.returncode or not out.is_file():
        out.unlink(missing_ok=True)
        last = last_lines(done.stderr, 3)
        raise LecternError(
            f"llama.cpp's converter ({NAME} {VERSION}) cannot write {model} as GGUF: "
            f"{' / '.join(last) or 'it was killed'}. `lectern export --no-gguf` leaves it out."
        )


def quantize(source: Path, out: Path) -> None:
    """Quantize a GGUF file of 16 bits to 4 bits (Q4_K_M), in a process of its own.

    Raises:
        LecternError: llama.cpp failed. It ends the process in which it fails, hence the separate one.
    """
    done = subprocess.run(
        [sys.executable, "-m", "lectern.publishing.quantizing", str(source.resolve()), str(out.resolve())],
        capture_output=True,
        text=True,
        errors="replace",
        cwd=Path(__file__).parents[2],
    )
    if done.returncode or not out.is_file():
        out.unlink(missing_ok=True)
        last = last_lines(done.stderr, 2)
        raise LecternError(
            f"llama.cpp cannot write {source.name} in 4 bits: {' / '.join(last) or 'it was killed'}"
        )


def fingerprint() -> str:
    """A hash over everything in the converter that decides the bytes of a file."""
    from importlib.metadata import version

    return hashlib.sha256(f"{SHA256} {version('cyllama')} {FOUR_BITS}".encode()).hexdigest()
