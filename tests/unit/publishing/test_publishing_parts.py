"""Publishing's parts without a model: the converter that is downloaded, a server that is compared, and the facts."""

import copy
import io as text_io
import json
import subprocess
import tarfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from lectern.core import io, runtime
from lectern.core.errors import LecternError
from lectern.core.schema import Conversation, Message, Source, Utterance, Word
from lectern.models import bundled
from lectern.publishing import converter, facts, fidelity, modelfile
from lectern.publishing.fidelity import Asked
from tests.support import review_repo

FILES = {
    "convert_hf_to_gguf.py": "script",
    "conversion/a.py": "a",
    "gguf-py/gguf/b.py": "b",
    "LICENSE": "MIT",
    "src/llama.cpp": "no",
    "gguf-py/setup.py": "no",
    "conversion/../../evil.py": "no",
}


def pack(path: Path) -> None:
    with tarfile.open(path, "w:gz") as archive:
        for name, text in {
            **{f"{converter.INSIDE}/{name}": text for name, text in FILES.items()},
            "LICENSE": "other",
        }.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, text_io.BytesIO(text.encode()))
        folder = tarfile.TarInfo(f"{converter.INSIDE}/conversion/folder")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)


class Pip:
    """Stands for a run of pip that brings these archives."""

    def __init__(
        self, patch: pytest.MonkeyPatch, cache: Path, names: tuple[str, ...], status: int = 0, said: str = ""
    ) -> None:
        self.asked: list[Any] = []
        patch.setattr(bundled, "cache_dir", lambda: cache)

        def run(command: list[str], **more: Any) -> Any:
            folder = Path(command[command.index("-d") + 1])
            backend = Path(more["env"]["PYTHONPATH"]) / "scikit_build_core"
            self.asked.append(
                (command[1:], Path(command[-1]).read_text(), sorted(path.name for path in backend.iterdir()))
            )
            for name in names:
                pack(folder / name)
            return SimpleNamespace(returncode=status, stderr=said)

        patch.setattr(subprocess, "run", run)


def test_the_converter_is_unpacked_once_without_what_is_not_wanted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pack(tmp_path / "packed.tar.gz")
    monkeypatch.setattr(converter, "SHA256", io.sha256(tmp_path / "packed.tar.gz"))
    pip = Pip(monkeypatch, tmp_path / "cache", ())
    bring = subprocess.run

    def run(command: list[str], **more: Any) -> Any:
        folder = Path(command[command.index("-d") + 1])
        (folder / "x.tar.gz").write_bytes((tmp_path / "packed.tar.gz").read_bytes())
        return bring(command, **more)

    monkeypatch.setattr(subprocess, "run", run)
    folder = converter.get_converter()
    assert folder.parent == tmp_path / "cache"
    assert folder.name == f"llama.cpp-convert-{converter.SHA256[:12]}"
    found = {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}
    assert found == {
        name: FILES[name]
        for name in ("convert_hf_to_gguf.py", "conversion/a.py", "gguf-py/gguf/b.py", "LICENSE")
    }
    [(command, requirements, backend)] = pip.asked
    assert command[:6] == ["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    assert command[6:8] == ["--no-build-isolation", "--no-binary=llama-cpp-python"]
    assert requirements == f"llama-cpp-python=={converter.VERSION} --hash=sha256:{converter.SHA256}\n"
    assert backend == ["__init__.py", "build.py"]
    assert converter.get_converter() == folder
    assert len(pip.asked) == 1, "it is downloaded once"
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [folder.name], "nothing else is left"


@pytest.mark.parametrize(
    ("names", "status", "said", "message"),
    [
        ((), 0, "", "could not be downloaded: no file came\nCheck the connection"),
        (("a.tar.gz",), 1, "a\nno network\n", "could not be downloaded: no network\nCheck the connection"),
        (("a.tar.gz", "b.tar.gz"), 0, "", "could not be downloaded: no file came\n"),
        (("a.tar.gz",), 0, "", f", expected {converter.SHA256}. Do not use it; report it."),
    ],
)
def test_a_converter_that_is_not_the_pinned_one_is_not_used(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    names: tuple[str, ...],
    status: int,
    said: str,
    message: str,
) -> None:
    Pip(monkeypatch, tmp_path, names, status, said)
    with pytest.raises(LecternError) as caught:
        converter.get_converter()
    assert message in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("status", "written", "said", "reason"),
    [
        (0, True, "", None),
        (1, True, "w\nx\ny\nz\n", "x / y / z"),
        (0, False, "", "it was killed"),
        (1, False, "why", "why"),
    ],
)
def test_a_conversion_that_fails_leaves_no_file_and_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, status: int, written: bool, said: str, reason: str | None
) -> None:
    out, asked = tmp_path / "model.gguf", []

    def run(command: list[str], **more: Any) -> Any:
        asked.append(
            (command[1:], more.get("env", {}).get("PYTHONPATH"), more.get("env", {}).get("HF_HUB_OFFLINE"))
        )
        if written:
            out.write_text("x")
        return SimpleNamespace(returncode=status, stderr=said)

    monkeypatch.setattr(converter, "get_converter", lambda: tmp_path / "llama")
    monkeypatch.setattr(subprocess, "run", run)
    for call, last in (
        (lambda: converter.convert(tmp_path / "merged", out, "q8_0"), 3),
        (lambda: converter.quantize(tmp_path / "f16", out), 2),
    ):
        if reason is None:
            call()
            assert out.is_file()
        else:
            with pytest.raises(LecternError) as caught:
                call()
            shown = " / ".join(reason.split(" / ")[-last:])
            assert f": {shown}" in str(caught.value)
            assert not out.exists()
    merged = [
        str(tmp_path / "llama/convert_hf_to_gguf.py"),
        str(tmp_path / "merged"),
        "--outtype",
        "q8_0",
        "--outfile",
        str(out),
    ]
    assert asked[0] == (merged, str(tmp_path / "llama/gguf-py"), "1")
    assert asked[1][0] == ["-m", "lectern.publishing.quantizing", str(tmp_path / "f16"), str(out)]


CLIENT = httpx.Client


class Llama:
    """Answers like llama.cpp's server with these tokens of a prompt, and these answers."""

    def __init__(
        self, patch: pytest.MonkeyPatch, tokens: list[int], *answers: list[int], broken: str = ""
    ) -> None:
        self.asked: list[Any] = []
        left = list(answers)

        def answer(request: httpx.Request) -> httpx.Response:
            body = json.loads(request.content)
            self.asked.append((request.url.path, body, request.headers.get("authorization")))
            if request.url.path == broken:
                return httpx.Response(500, text="no")
            told: dict[str, Any] = {
                "/apply-template": {"prompt": "text"},
                "/tokenize": {"tokens": tokens},
            }.get(request.url.path) or {"tokens": left.pop(0)}
            return httpx.Response(200, json=told)

        patch.setattr(
            httpx,
            "Client",
            lambda base_url, transport, headers, timeout: CLIENT(
                base_url=base_url, transport=httpx.MockTransport(answer), headers=headers, timeout=timeout
            ),
        )


def asked(answer: list[int]) -> Asked:
    return Asked(
        messages=[Message(role="user", content="Why?")],
        prompt=[1, 2, 3],
        answer=answer,
        ends=frozenset({8, 9}),
    )


def test_a_server_that_reads_a_prompt_otherwise_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for tokens, told in (
        ([1, 5, 3, 4], "4 against 3, which first differ at position 1: [5, 3, 4] against [2, 3]."),
        ([1, 2], "2 against 3, which first differ at position 2: [] against [3]."),
        ([1, 2, 3, 4], "4 against 3, which first differ at position 3: [4] against []."),
    ):
        server = Llama(monkeypatch, tokens)
        with pytest.raises(LecternError) as caught:
            fidelity.check_prompt("http://h", asked([4]), "k")
        assert f"into other tokens than the training did: {told}" in str(caught.value)
        assert server.asked == [
            ("/apply-template", {"messages": [{"role": "user", "content": "Why?"}]}, "Bearer k"),
            ("/tokenize", {"content": "text", "add_special": True, "parse_special": True}, "Bearer k"),
        ]
    Llama(monkeypatch, [1, 2, 3])
    fidelity.check_prompt("http://h", asked([4]))
    Llama(monkeypatch, [], broken="/tokenize")
    with pytest.raises(
        LecternError, match=r"^http://h/tokenize does not answer as llama\.cpp's server does: "
    ):
        fidelity.greet("http://h")


def test_each_token_of_the_original_is_compared_given_those_before_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = Llama(monkeypatch, [1, 2, 3], [4, 5, 8], [4, 6], [], [7, 7, 7])
    found = fidelity.measure("http://h", [asked([4, 5, 9]), asked([4, 5, 9]), asked([6])], "k")
    # the second differs in one token, and goes on after the original's; the third differs in its only one
    assert found == {"prompts": 3, "tokens": 7, "same_tokens": round(5 / 7, 4), "same_answers": 1}
    completions = [body for path, body, _ in server.asked if path == "/completion"]
    assert [(body["prompt"], body["n_predict"]) for body in completions] == [
        ([1, 2, 3], 3),
        ([1, 2, 3], 3),
        ([1, 2, 3, 4, 5], 1),
        ([1, 2, 3], 1),
    ]
    assert {
        name: completions[0][name] for name in ("temperature", "top_k", "return_tokens", "cache_prompt")
    } == {"temperature": 0, "top_k": 1, "return_tokens": True, "cache_prompt": True}
    assert fidelity.measure("http://h", []) == {
        "prompts": 0,
        "tokens": 0,
        "same_tokens": None,
        "same_answers": 0,
    }


def conversation(item: str, *speakers: str, duration: float = 1800.0) -> Conversation:
    words = [Word(text="a", start=0.0, end=1.0)]
    told = [Utterance(speaker=name, role="unknown", words=words) for name in speakers]
    return Conversation(
        item=item,
        title="T",
        url=None,
        description="",
        duration=duration,
        language="en",
        utterances=told,
    )


def test_the_facts_are_those_of_the_rows_that_are_published(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("a: {b: 1}\n")
    rows = {"train": [("talk-b", 2), ("page", 1), ("talk-a", 1)], "validation": [("gone", 1)], "test": []}
    for split, some in rows.items():
        made = [review_repo.row(item, f"{split}{n}?", "x") for item, count in some for n in range(count)]
        io.write_jsonl(tmp_path / f"data/splits/{split}.jsonl", made)
    for item, values in {
        "talk-a": {"kind": "media", "title": "A", "media": "a.mp3", "licence": "CC0-1.0"},
        "talk-b": {"kind": "media", "title": "B", "media": "b.mp3", "url": "https://example.org/b"},
        "page": {"kind": "website", "title": "P", "document": "p.html", "url": "https://site.example/p"},
        "unused": {"kind": "media", "title": "U", "media": "u.mp3"},
    }.items():
        io.write_json(tmp_path / f"data/raw/{item}/item.json", Source(item=item, **values))  # type: ignore[arg-type]
    told = {"talk-a": ("speaker_1", "Ann", "unknown"), "talk-b": ("Ann", "speaker_x", "speaker_1")}
    for item, speakers in told.items():
        io.write_json(tmp_path / f"data/conversations/{item}.json", conversation(item, *speakers))
    review_repo.write_manifest(tmp_path / "data/conversations", list(told), ".json")
    io.write_json(tmp_path / "metrics/scores.json", {"rows": 3})
    io.write_json(tmp_path / "metrics/judge.json", [1])
    io.write_json(tmp_path / "metrics/runtime/train.json", {"seconds": 9})
    (tmp_path / "dvc.yaml").write_text("stages: {train: {outs: [model]}, score: {outs: [s]}}")
    (tmp_path / "model").write_text("weights")
    runtime.write(tmp_path / "metrics/runtime", "train", {"seconds": 2}, tmp_path)
    lock = {
        "stages": {"train": {"outs": [{"path": "model", "md5": runtime.hash_output(tmp_path / "model")}]}}
    }
    io.write_json(tmp_path / "dvc.lock", lock)
    found = facts.gather(tmp_path)
    assert [
        (one.item, one.title, one.kind, one.url, one.licence, one.hours, one.rows) for one in found.sources
    ] == [
        ("gone", "gone", "unknown", None, None, 0.0, 1),
        ("page", "P", "website", "https://site.example/p", None, 0.0, 1),
        ("talk-a", "A", "media", None, "CC0-1.0", 0.5, 1),
        ("talk-b", "B", "media", "https://example.org/b", None, 0.5, 2),
    ]
    assert [(voice.name, voice.items, voice.nameless) for voice in found.voices] == [
        ("Ann", ["talk-a", "talk-b"], False),
        ("gone", ["gone"], False),
        ("site.example", ["page"], False),
        ("speaker_1 of talk-a", ["talk-a"], True),
        ("speaker_1 of talk-b", ["talk-b"], True),
        ("speaker_x", ["talk-b"], False),
    ]
    assert (found.splits, found.rows, found.hours) == ({"train": 4, "validation": 1, "test": 0}, 5, 1.0)
    assert (found.revision, found.dirty, found.params) == ("", False, {"a": {"b": 1}})
    assert found.methods == {"description_questions": 5}
    assert (found.metrics["scores"], found.metrics["judge"], found.runtime) == (
        {"rows": 3},
        {},
        {"train": {"seconds": 2}},
    )
    (tmp_path / "metrics/scores.json").write_text("{")
    with pytest.raises(LecternError, match=r"scores\.json: not JSON \(.*\)\. Run `dvc repro`\.$"):
        facts.gather(tmp_path)


WRITE = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}{{ END }}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
DEFAULT = "{% if messages[0].role != 'system' %}<system>Be brief.</end>{% endif %}"


@pytest.mark.parametrize(
    ("template", "opening"),
    [
        (WRITE.replace("{{ END }}", "</end>"), ""),
        (DEFAULT + WRITE.replace("{{ END }}", "</end>"), "<system>Be brief.</end>"),
        # the end of a message depends on the next one: two of one person are written as one
        (
            WRITE.replace(
                "{{ END }}",
                "{% if m.role != 'user' or loop.last or loop.nextitem.role != 'user' %}</end>{% endif %}",
            ),
            None,
        ),
        # the last question is left open for the answer
        (
            WRITE.replace(
                "{{ END }}", "{% if not loop.last or not add_generation_prompt %}</end>{% endif %}"
            ),
            None,
        ),
        # messages are numbered
        (WRITE.replace("{{ END }}", "</end>").replace("m.role }}", "m.role }}{{ loop.index }}"), None),
        # a system message is left out
        (
            WRITE.replace("{{ END }}", "</end>").replace("in messages", "in messages if m.role != 'system'"),
            None,
        ),
        # a system message is refused
        (
            "{% if messages[0].role == 'system' %}{{ raise_exception('no') }}{% endif %}"
            + WRITE.replace("{{ END }}", "</end>"),
            None,
        ),
    ],
)
def test_a_chat_format_is_taken_apart_only_if_a_message_looks_the_same_everywhere(
    tokenizer: Any, template: str, opening: str | None
) -> None:
    own = copy.copy(tokenizer)
    own.chat_template = template
    found = modelfile.find_format(own)
    assert (found and found.opening) == opening
    if found is not None:
        assert found.around == {role: (f"<{role}>", "</end>") for role in ("system", "user", "assistant")}
        assert found.asking == "<assistant>"
