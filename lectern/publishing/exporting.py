"""Write models/export: the tuned model in the forms that other programs load, each part complete or absent."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lectern.answering import contestants
from lectern.core import batches, code, io, manifest
from lectern.core.errors import LecternError
from lectern.core.schema import TUNED
from lectern.llm import llama_server
from lectern.models import generation, loading
from lectern.publishing import asking, converter, fidelity, modelfile, usage
from lectern.settings.base_model import BaseModelSettings
from lectern.settings.decoding import Decoding
from lectern.training import adapters, merging

MANIFEST = "manifest.json"
ADAPTER, MERGED, GGUF, MODELFILE = "adapter", "merged", "gguf", "Modelfile"
KINDS = ("q8_0", "q4_k_m")
PROMPTS, NEW_TOKENS = 8, 32
"""Of the comparison with the original (`fidelity`)."""
DOUBTFUL = 0.9
"""Share of equal tokens below which a warning is printed: 8 bits should hardly differ from the original."""


@dataclass(frozen=True)
class Model:
    """The model to export."""

    base: BaseModelSettings
    """Section `base_model`."""
    persona: str | None
    """`render.persona`; `None` if there is none."""
    decoding: Decoding
    """Section `decoding`, for the programs that load the model."""
    adapter: Path
    """Folder of the trained weights."""
    test: Path
    """data/splits/test.jsonl, for the comparison"""

    @property
    def name(self) -> str:
        """The model's name in files and on servers."""
        return serving_name(self.base.name)

    def fingerprint(self) -> dict[str, Any]:
        """Everything that decides the exported weights."""
        record = adapters.read_record(self.base, self.adapter)
        who = contestants.Local(TUNED, "tuned", self.base, self.persona, record, adapter=self.adapter)
        libraries = {name: version(name) for name in ("torch", "transformers", "peft")}
        return {"model": contestants.fingerprint(who), "persona": self.persona, "libraries": libraries}


def serving_name(base: str) -> str:
    """The name of the model that was tuned on this base model."""
    return f"lectern-{base.replace('_', '-')}"


@dataclass
class Counted:
    """How many parts were made, and how many were kept."""

    made: int = 0
    kept: int = 0

    def __str__(self) -> str:
        return f"made {self.made}, kept {self.kept}"


def export(model: Model, out: Path, *, gguf: bool, metrics: Path, say: Callable[[str], None]) -> Counted:
    """Bring `out` to the exported forms of the model. A part whose key has not changed is kept.

    Args:
        model: the model to export.
        out: models/export.
        gguf: write GGUF files too, and compare them with the original; else those that still fit are left as they are.
        metrics: the file for the comparison.
        say: told what is being made.

    Raises:
        LecternError: there is no adapter, it cannot be merged, or llama.cpp does not know the architecture.
    """
    parts = _Parts(out, say)
    decides = model.fingerprint()
    method = adapters.read_record(model.base, model.adapter).method
    if method != "full":
        parts.make(ADAPTER, [decides], lambda place: _copy_adapter(model, place))
    parts.make(MERGED, [decides], lambda place: _write_merged(model, place))
    converted = [decides, converter.fingerprint()]
    described = [decides, model.base.context_length, asdict(model.decoding), code.digest((modelfile,))]
    files = [_file(model, kind) for kind in KINDS]
    if gguf:
        for kind, file in zip(KINDS, files, strict=True):
            parts.make(file, converted, partial(_write_gguf, out / MERGED, kind))
        _measure(model, out, parts, metrics, converted)
        parts.make(MODELFILE, described, partial(_write_modelfile, model, files[0]))
    else:
        for file in files:
            parts.leave(file, converted)
        if files[0] in parts.current:  # the Modelfile names it
            parts.leave(MODELFILE, described)
    files = [file for file in files if file in parts.current]
    io.write_text(out / "USAGE.md", usage.write(model.name, method, files, model.decoding))
    parts.close()
    return parts.counted


def gguf_file(model: Model, out: Path, kind: str) -> Path:
    """The path of the GGUF file of a kind."""
    return out / _file(model, kind)


def _file(model: Model, kind: str) -> str:
    return f"{GGUF}/{model.name}-{kind}.gguf"


class _Parts:
    """The parts of an export, and the keys under which they were made."""

    def __init__(self, out: Path, say: Callable[[str], None]) -> None:
        self.out, self.say = out, say
        self.counted = Counted()
        self.known: dict[str, str] = manifest.read(out / MANIFEST, dict) or {}
        self.current: dict[str, str] = {}

    def make(self, name: str, decides: list[Any], write: Callable[[Path], None]) -> bool:
        """Make a file or folder unless it is there under the same key. Returns whether it was made."""
        if self.leave(name, decides):
            self.counted.kept += 1
            return False
        key, place = batches.make_key(name, decides), self.out / name
        self.say(f"writing {place}")
        with _scratch(place) as made:
            write(made)
            _put(made, place)
        self.known[name] = self.current[name] = key
        manifest.write(self.out / MANIFEST, self.known)  # a kill loses the part that is being made
        self.counted.made += 1
        return True

    def leave(self, name: str, decides: list[Any]) -> bool:
        """Keep a part if it is there under the same key. Returns whether it is."""
        key = batches.make_key(name, decides)
        fits = self.known.get(name) == key and (self.out / name).exists()
        if fits:
            self.current[name] = key
        return fits

    def close(self) -> None:
        """Remove the parts that are no longer exported."""
        for name in {ADAPTER, MERGED, MODELFILE} - set(self.current):
            manifest.remove(self.out / name)
        for path in [*(self.out / GGUF).glob("*.gguf"), *self.out.glob("**/.making-*")]:
            if f"{GGUF}/{path.name}" not in self.current:  # of another model, or of an export that was killed
                manifest.remove(path)
        manifest.write(self.out / MANIFEST, self.current)


@contextmanager
def _scratch(place: Path) -> Iterator[Path]:
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=".making-") as folder:
        yield Path(folder) / place.name


def _put(made: Path, place: Path) -> None:
    manifest.remove(place)
    made.rename(place)


def _copy_adapter(model: Model, place: Path) -> None:
    shutil.copytree(model.adapter, place)
    loading.get_tokenizer(model.base).save_pretrained(place)


def _write_merged(model: Model, place: Path) -> None:
    loaded = adapters.load(model.base, model.adapter)
    merged = merging.merge(loaded) if hasattr(loaded, "merge_and_unload") else loaded
    tokenizer = loading.get_tokenizer(model.base)
    settings = merged.generation_config
    settings.eos_token_id = sorted(generation.stop_tokens(merged, tokenizer, model.base.end_of_turn))
    settings.pad_token_id = tokenizer.pad_token_id
    merged.save_pretrained(place)
    tokenizer.save_pretrained(place)


def _write_gguf(merged: Path, kind: str, place: Path) -> None:
    if kind == "q8_0":
        converter.convert(merged, place, kind)
        return
    whole = place.with_name("f16.gguf")
    converter.convert(merged, whole, "f16")
    converter.quantize(whole, place)


def _write_modelfile(model: Model, gguf: str, place: Path) -> None:
    text = modelfile.write(
        gguf,
        loading.get_tokenizer(model.base),
        context=model.base.context_length,
        end_of_turn=model.base.end_of_turn,
        persona=model.persona if "{" not in (model.persona or "") else None,
        decoding=model.decoding,
    )
    io.write_text(place, text)


def _measure(model: Model, out: Path, parts: _Parts, metrics: Path, decides: list[Any]) -> None:
    """Compare each GGUF file with the merged model, unless that has been done."""
    # The name is that of an earlier release: another one would compare anew what is compared already.
    key = batches.make_key("agreement", decides, PROMPTS, NEW_TOKENS, io.sha256(model.test))
    if metrics.is_file() and io.read_plain(metrics).get("key") == key:
        parts.counted.kept += 1
        return
    parts.say("comparing the GGUF files with the original")
    asked = ask_original(model, out)
    found: dict[str, Mapping[str, Any]] = {}
    for kind in KINDS:
        server = llama_server.start(
            out / _file(model, kind), name=model.name, context=_context(asked), parallel=1
        )
        found[kind] = fidelity.measure(server.listening_address, asked)
        server.close()
        del server
    same = found[KINDS[0]]["same_tokens"]
    if same is not None and same < DOUBTFUL:
        parts.say(f"warning: {KINDS[0]} gives only {same:.0%} of the original's tokens")
    io.write_json(metrics, {"key": key, **found})
    parts.counted.made += 1


def ask_original(model: Model, out: Path, most: int = PROMPTS) -> list[fidelity.Asked]:
    """Held-out prompts and the merged model's own answers.

    Raises:
        LecternError: the merged model does not exist, or there are no held-out rows.
    """
    from transformers import AutoModelForCausalLM

    if not (out / MERGED).is_dir():
        raise LecternError(f"{out / MERGED} does not exist. `lectern export` writes it.")
    merged = AutoModelForCausalLM.from_pretrained(out / MERGED, dtype="auto", trust_remote_code=False).eval()
    asked = asking.collect(merged, model.base, model.persona, model.test, most=most, new_tokens=NEW_TOKENS)
    if not asked:
        raise LecternError(f"{model.test} has no row to compare on. Hold out more rows: raise split.test.")
    return asked


def _context(asked: list[fidelity.Asked]) -> int:
    longest = max(len(one.prompt) + len(one.answer) for one in asked)
    return (longest // 256 + 1) * 256
