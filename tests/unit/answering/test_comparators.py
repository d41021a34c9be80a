"""Section `comparators`: what it takes, what it refuses, and an adapter of an earlier commit."""

import shutil
import subprocess
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from lectern.answering import contestants, questions
from lectern.core import io
from lectern.core.errors import LecternError
from lectern.settings.comparators import Comparator, load_comparators
from lectern.tools import params
from tests import warm
from tests.support.generating import SINGLE, outputs, read, run
from tests.support.tiny import TINY

MODEL = {
    "name": "m",
    "source": "embedded",
    "package": "smollm2_135m",
    "context_length": 64,
    "end_of_turn": "<|im_end|>",
}
ENDPOINT = {"name": "e", "engine": "openai", "model": "gpt", "base_url": "http://127.0.0.1:9/v1"}


def load(folder: Path, section: Any, **more: str) -> dict[str, Comparator]:
    OmegaConf.save({"comparators": section, **more}, folder / "params.yaml")
    return load_comparators(folder / "params.yaml")


def test_each_kind_is_read(tmp_path: Path) -> None:
    given = {
        "small": {"model": MODEL},
        "gpt_4": {"endpoint": ENDPOINT, "model": None},
        "before": {"revision": "0123abc"},
        "file": {"gguf": "models/x.gguf"},
        "whole": {"merged": "models/merged"},
    }
    found = load(tmp_path, given)
    assert list(found) == ["before", "file", "gpt_4", "small", "whole"]
    assert found["file"] == Comparator(gguf="models/x.gguf")
    assert found["whole"] == Comparator(merged="models/merged")
    assert (found["before"].revision, found["before"].model) == ("0123abc", None)
    assert found["small"].model is not None
    assert found["small"].model.context_length == 64
    assert found["gpt_4"].endpoint is not None
    assert asdict(found["gpt_4"].endpoint) == {
        **ENDPOINT,
        "api_key": None,
        "temperature": 0.0,
        "max_tokens": 1024,
        "seed": None,
        "extra": {},
        "output": "json_schema",
        "repair": True,
        "concurrency": 8,
        "requests_per_minute": None,
        "tokens_per_minute": None,
        "timeout": 120.0,
        "max_tries": 6,
        "backoff": 0.5,
        "max_wait": 300.0,
        "input_price": None,
        "output_price": None,
        "max_calls": None,
        "max_total_tokens": None,
        "max_cost": None,
        "allow_failed": 0.0,
    }
    assert load(tmp_path, {}) == {}
    assert load(tmp_path, {"a": {"gguf": "models/${b}"}}, b="x.gguf")["a"].gguf == "models/x.gguf"


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"tuned": {"model": MODEL}}, r"comparators\.tuned: .* cannot be called 'tuned'"),
        ({"reference": {"model": MODEL}}, r"cannot be called 'reference'"),
        ({"Qwen-3": {"model": MODEL}}, r"'Qwen-3'.*a-z, 0-9 and _"),
        ({"../x": {"model": MODEL}}, r"cannot be called '\.\./x'"),
        ({"_journal": {"model": MODEL}}, r"do not begin with _"),
        (
            {"a": {}},
            r"comparators\.a: it has nothing; give exactly one of model, endpoint, revision, gguf, merged",
        ),
        ({"a": "main"}, r"comparators\.a: it has 'main'; give exactly one"),
        ({"a": {"model": MODEL, "revision": "0123abc"}}, r"it has model, revision; give exactly one"),
        ({"a": {"adapter": "x"}}, r"it has adapter; give exactly one"),
        ({"a": {"model": {**MODEL, "contxt": 1}}}, r"comparators\.a\.model: there is no contxt"),
        ({"a": {"model": {**MODEL, "source": "web"}}}, r"comparators\.a\.model: source is 'web'"),
        ({"a": {"endpoint": {**ENDPOINT, "engine": "x"}}}, r"comparators\.a\.endpoint: engine is 'x'"),
        ({"a": {"revision": 1234567}}, r"comparators\.a\.revision: it is 1234567; give a commit.*in quotes"),
        ({"a": {"revision": "no-such-branch"}}, r"'no-such-branch', which is not a commit that git knows"),
        (
            {"a": {"gguf": " "}},
            r"comparators\.a\.gguf: it is ' '; give the path of a file, such as models/export/gguf/",
        ),
        (
            {"a": {"gguf": ""}},
            r"comparators\.a\.gguf: it is ''; give the path of a file, such as models/export/gguf/",
        ),
        (
            {"a": {"merged": 7}},
            r"comparators\.a\.merged: it is 7; give the path of a folder, such as models/export",
        ),
        ([], r"comparators is \[\]"),
        (None, r"section 'comparators' is missing"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, section: Any, message: str) -> None:
    with pytest.raises(LecternError, match=message):
        load(tmp_path, section)


def test_a_file_of_a_group_makes_a_comparator(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    added = ["+base_model@comparators.qwen.model=qwen3_4b_instruct", "+judge@comparators.gpt.endpoint=openai"]
    params.main(added, Path("conf"), path)
    found = load_comparators(path)
    # property: the same files that choose a base model and a judge name a comparator
    assert found["qwen"].model is not None
    assert found["qwen"].model.name == "qwen3_4b_instruct"
    assert found["gpt"].endpoint is not None
    assert found["gpt"].endpoint.name == "openai"


def call(folder: Path, *command: str) -> str:
    environment = warm.environment(DVC_NO_ANALYTICS="1")
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def repository(adapter: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two commits: with the adapter, on a base model with another context and with a persona; and without any."""
    root = tmp_path_factory.mktemp("repository")
    call(root, "git", "init", "-q", "-b", "main")
    for key, value in (("user.name", "Test"), ("user.email", "test@example.org")):
        call(root, "git", "config", key, value)
    call(root, "dvc", "init", "-q")
    shutil.copytree(adapter, root / "models/adapter")
    # as of before every value was given
    left_out = {name for name, value in contestants.LEFT_OUT.items() if getattr(TINY, name) == value}
    then = {name: value for name, value in vars(TINY).items() if name not in left_out}
    assert "seed" in left_out
    OmegaConf.save({"base_model": then, "render": {"persona": "Be quick."}}, root / "params.yaml")
    call(root, "dvc", "add", "-q", "models/adapter")
    call(root, "git", "add", "-A")
    call(root, "git", "commit", "-qm", "trained")
    call(root, "git", "rm", "-q", "models/adapter.dvc")
    call(root, "git", "commit", "-qm", "without")
    return root


@pytest.mark.slow
def test_an_adapter_of_a_commit_answers_as_it_did_then(
    tmp_path: Path, adapter: Path, repository: Path
) -> None:
    commit = call(repository, "git", "rev-parse", "HEAD~1")
    others = {"before": Comparator(revision=commit[:8])}
    told = run(tmp_path, adapter, SINGLE, others=others, root=repository)
    assert told == "base 7, tuned 7, before 7"
    said = io.read_plain(tmp_path / "generation.json")["contestants"]["before"]
    assert said == {"kind": "adapter", "model": "tiny_llama", "revision": commit}
    # property: with the persona of then, its answers are those of the model tuned then
    run(tmp_path / "then", adapter, SINGLE, persona="Be quick.")
    assert read(tmp_path, "before") == read(tmp_path / "then", "tuned") != read(tmp_path, "tuned")
    before = outputs(tmp_path)
    cache = repository / ".dvc/cache"
    cache.rename(repository / "away")
    try:
        # property: where its answers are there, the adapter is not even fetched
        assert "before 7 (0 made, 7 kept)" in run(tmp_path, adapter, SINGLE, others=others, root=repository)
        assert outputs(tmp_path) == before
        with pytest.raises(
            LecternError, match=rf"models/adapter of revision {commit[:10]} is neither in DVC's cache"
        ):
            run(tmp_path / "new", adapter, SINGLE, others=others, root=repository)
    finally:
        shutil.rmtree(cache, ignore_errors=True)
        (repository / "away").rename(cache)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("0123456", r"comparators\.before\.revision: git knows no revision '0123456'"),
        ("HEAD", r"comparators\.before: commit \w{10} has no models/adapter"),
        ("cafecafe", r"'cafecafe' may move to another commit.*current commit instead: \w{10}"),
    ],
)
def test_a_commit_that_gives_no_adapter_says_why(
    tmp_path: Path, adapter: Path, repository: Path, name: str, message: str
) -> None:
    root = tmp_path / "copy"
    shutil.copytree(repository, root, symlinks=True)
    call(root, "git", "branch", "cafecafe")
    given = call(root, "git", "rev-parse", "HEAD") if name == "HEAD" else name
    with pytest.raises(LecternError, match=message):
        run(tmp_path, adapter, SINGLE[:1], others={"before": Comparator(revision=given)}, root=root)


def test_a_branch_is_named_with_its_commit(
    tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository)
    commit = call(repository, "git", "rev-parse", "main")
    with pytest.raises(LecternError, match=rf"'main' may move.*current commit instead: {commit[:10]}"):
        load(tmp_path, {"a": {"revision": "main"}})


def test_a_comparator_has_its_own_context(
    tmp_path: Path, adapter: Path, tokenizer: Any, template: str
) -> None:
    asks = [questions.Ask.of(row) for row in SINGLE]
    rows = questions.prepare(asks, tokenizer, template, context_length=512, max_new_tokens=8).rows
    needed = sorted(max(len(row.prompt) + 8, len(row.whole)) for row in rows)
    small = Comparator(model=replace(TINY, name="short", context_length=needed[3]))
    told = run(tmp_path, adapter, SINGLE, others={"short": small})
    # property: what one model cannot read costs its own row alone, and is counted
    skipped = io.read_plain(tmp_path / "generation.json")["skipped"]
    assert skipped == {"longer than the context of short": 7 - len(read(tmp_path, "short"))}
    assert 0 < len(read(tmp_path, "short")) < 7 == len(read(tmp_path, "base"))
    assert f"{skipped['longer than the context of short']} skipped (longer than the context of short)" in told
