"""`lectern check`: what it needs to find, on toy configurations, real servers and folders."""

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf

from lectern.core.errors import LecternError
from lectern.models import bundled
from lectern.settings.llm import LLM
from lectern.sources import media
from lectern.sources.crawl import browser
from lectern.tools import main as cli
from lectern.tools import params
from lectern.tools.checking import configuration, machine, models, packages, requirements, services, speech
from lectern.tools.checking.finding import MISSING, NOTE, OK, Finding
from tests import warm
from tests.settings import configure
from tests.support import hub_server

ROOT = Path(__file__).parents[3]
COMMIT = "0123456789" * 4
ENDPOINT = asdict(configure(LLM, "x", "openai", "big"))


def toy(**sections: Any) -> DictConfig:
    return OmegaConf.create(sections)


def states(findings: Iterator[Finding] | list[Finding]) -> list[tuple[str, str]]:
    """The state of each finding, and its whole line."""
    return [(one.state, f"{one.what}: {one.remedy}") for one in findings]


def compose(folder: Path, *overrides: str) -> DictConfig:
    params.main(list(overrides), ROOT / "conf", folder / "params.yaml")
    return configuration.read(folder / "params.yaml")


def test_the_demo_needs_only_what_is_bundled(tmp_path: Path) -> None:
    demo = compose(tmp_path, "recipe=demo")
    assert requirements.find_extras(demo) == {"speech", "text", "train"}
    assert set(requirements.find_bundled(demo)) == set(bundled.PACKAGES)
    assert "retrieval.methods" in requirements.find_bundled(demo)["minilm_l6"]
    demo.retrieval.contestants, demo.retrieval.train_share = [], 0.0
    assert "retrieval.methods" not in requirements.find_bundled(demo)["minilm_l6"]
    assert requirements.find_hub_models(demo) == []
    assert requirements.find_variables(demo) == {}
    assert requirements.list_renders(demo) == []
    demo.forget.tasks = ["arc_easy"]
    assert requirements.find_extras(demo) == {"speech", "text", "train", "harness"}
    demo.extract.ocr = "rapidocr"
    assert "ocr" in requirements.find_extras(demo)


def test_a_recipe_for_a_gpu_needs_models_of_the_hub(tmp_path: Path) -> None:
    settings = compose(tmp_path, "recipe=podcast", "compute=ray", "teacher=openai")
    assert "cluster" in requirements.find_extras(settings)
    models = {model.key: model for model in requirements.find_hub_models(settings)}
    assert models["base_model.hub_id"].files == ("config.json", "*.safetensors")
    assert models["diarize.model"].hub_id == "pyannote/speaker-diarization-community-1"
    assert requirements.find_variables(settings)["OPENAI_API_KEY"] == "teacher.api_key"


def test_a_server_that_hears_is_asked_and_its_model_is_none_of_the_hub(tmp_path: Path) -> None:
    settings = compose(tmp_path, "recipe=demo", "transcribe=endpoint", "transcribe.api_key=LECTERN_A")
    assert [key for key, _ in requirements.list_servers(settings)] == ["transcribe"]
    assert requirements.find_variables(settings) == {"LECTERN_A": "transcribe.api_key"}
    assert "transcribe.model" not in [model.key for model in requirements.find_hub_models(settings)]


def test_comparators_count_and_a_cleaner_only_where_answers_are_cleaned() -> None:
    settings = toy(
        comparators={
            "other": {"model": {"source": "hub", "hub_id": "owner/other", "revision": COMMIT}},
            "gpt": {"endpoint": {**ENDPOINT, "api_key": "A_KEY"}},
            "before": {"revision": COMMIT},
        },
        cleaner={**ENDPOINT, "api_key": "ANOTHER"},
        clean_answers={"contestants": []},
        corpus={"sources": [{"kind": "podcast", "feed": "https://x.example/{LECTERN_FEED}/{show}"}]},
    )
    assert [model.key for model in requirements.find_hub_models(settings)] == [
        "comparators.other.model.hub_id"
    ]
    assert requirements.find_variables(settings) == {
        "A_KEY": "comparators.gpt.endpoint.api_key",
        "LECTERN_FEED": "corpus.sources[0]",
    }
    settings.clean_answers.contestants = ["tuned"]
    assert requirements.find_variables(settings)["ANOTHER"] == "cleaner.api_key"


def test_packages_that_are_absent_or_too_old_are_named(tmp_path: Path) -> None:
    project = tmp_path / "pyproject.toml"
    project.write_text(
        '[project]\ndependencies = ["click>=8"]\n[project.optional-dependencies]\n'
        'speech = ["pydantic>=999", "no-such-package>=1"]\n'
        'browser = ["no-such-package"]\n'
        "search = [\"no-such-package; python_version < '3'\"]\n"
        'harness = ["no-such-package>=3"]\n'
        'main = ["x[speech,search]"]\nall = ["x[main,browser]"]\n'
    )
    everything, speech_, browser_, search, harness = states(packages.check_extras({"speech"}, project))
    assert everything == (OK, "packages that all commands need: 1: ")
    assert speech_[0] == MISSING
    assert "pydantic is 2." in speech_[1]
    assert ">=999 is asked for; no-such-package is not installed: `make setup`" in speech_[1]
    assert browser_[0] == NOTE
    assert "`make extras`" in browser_[1]
    assert search[0] == OK, "it is for another Python"
    assert harness[0] == NOTE
    assert "`pip install 'no-such-package>=3'`" in harness[1], "the locks do not have it"


def test_a_version_that_is_not_locked_is_a_note(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text(
        "# by make lock\nclick==1.0 \\\n    --hash=sha256:0\n"
        "no-such-package==1 ; python_full_version < '3' \\\n    --hash=sha256:0\n"
    )
    found = packages.check_lock(lock)
    assert found.state == NOTE
    assert found.what.startswith("1 packages are not those of")
    assert "not 1.0" in found.what
    lock.write_text("no-such-package==1 ; python_full_version < '3' \\\n    --hash=sha256:0\n")
    assert packages.check_lock(lock).state == OK


def test_every_section_that_does_not_fit_is_said(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    settings = compose(tmp_path, "recipe=smoke")
    [fine] = configuration.check_sections(path)
    assert fine.state == OK
    settings.train.learning_rate = "abc"
    settings.split.by = "foo"
    settings.invented = {"x": 1}
    del settings["report"]
    settings.comparators = {"base": {"revision": COMMIT}}
    OmegaConf.save(settings, path)
    found = states(configuration.check_sections(path))
    assert {state for state, _ in found} == {MISSING}
    for name in ("'train': ", "'split': ", "no section 'report'", "comparators.base", "'invented'"):
        assert sum(name in line for _, line in found) == 1, name


@pytest.mark.parametrize("text", [None, "a: [", "- a", b"\xff\xfe"])
def test_a_file_of_parameters_that_cannot_be_read_is_an_error(tmp_path: Path, text: Any) -> None:
    path = tmp_path / "params.yaml"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(LecternError, match=r"params\.yaml.*`lectern params` writes it"):
        configuration.read(path)


def test_files_that_the_parameters_name_are_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = toy(
        generate={"evals": ["talks", "none"]},
        episodes={"openings": []},
        train={"from_adapter": "v1"},
        converse={"metadata": "who.csv"},
        comparators={
            "small": {"gguf": "a.gguf"},
            "whole": {"merged": "adapter"},
            "sound": {"gguf": "b.gguf"},
            "other": {"revision": "4df32fa"},
        },
    )
    (tmp_path / "b.gguf").write_bytes(b"GGUF...")
    (tmp_path / "adapter").mkdir()
    (tmp_path / "data/evals").mkdir(parents=True)
    (tmp_path / "data/evals/talks.jsonl").touch()
    found = states(configuration.check_files(settings))
    assert [line.partition(":")[0] for _, line in found] == [
        "generate.evals",
        "train.from_adapter",
        "converse.metadata",
        "comparators.small.gguf",
        "comparators.whole.merged",
    ]
    assert {state for state, _ in found} == {MISSING}


def test_sources_without_items_are_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lectern.tools.checking import sections

    monkeypatch.chdir(tmp_path)
    (tmp_path / "talks").mkdir()
    (tmp_path / "talks/a.mp3").write_bytes(b"x")
    settings = toy(
        corpus={
            "sources": [
                {"kind": "media", "path": "talks"},
                {"kind": "media", "path": "nowhere"},
                {"kind": "podcast", "name": "show", "feed": "https://x.example/feed"},
                {"kind": "invented", "path": "x"},
            ]
        }
    )
    found = states(services.check_sources(settings, sections.read_source))
    assert [state for state, _ in found] == [OK, MISSING, MISSING, MISSING]
    assert "`lectern update` asks the site" in found[2][1]
    assert media.EXTENSIONS, "real kinds of files are looked for"


def test_chromium_is_needed_where_all_pages_are_rendered(monkeypatch: pytest.MonkeyPatch) -> None:
    def site(**values: Any) -> DictConfig:
        return toy(corpus={"sources": [{"kind": "website", **values}]})

    assert list(services.check_browser(site(render="never"))) == []
    monkeypatch.setattr(browser, "find", lambda: None)
    assert [one.state for one in services.check_browser(site(render="always"))] == [MISSING]
    assert [one.state for one in services.check_browser(site())] == [NOTE]
    monkeypatch.setattr(browser, "find", lambda: "/usr/bin/chromium")
    assert [one.state for one in services.check_browser(site(render="always"))] == [OK]


def test_a_variable_s_value_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = toy(
        teacher={**ENDPOINT, "api_key": "LECTERN_A"},
        judge={**ENDPOINT, "api_key": "LECTERN_B"},
        comparators={},
    )
    monkeypatch.setenv("LECTERN_A", "sk-secret")
    monkeypatch.delenv("LECTERN_B", raising=False)
    found = states(services.check_variables(settings))
    assert [state for state, _ in found] == [OK, MISSING]
    assert "sk-secret" not in str(found)
    assert "export LECTERN_B=" in found[1][1]


def test_bundled_models_are_there_with_all_their_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LECTERN_CACHE", str(tmp_path))
    settings = toy(transcribe={"model": "embedded"}, parse={"tokenizer": "smollm2_135m"})

    def look() -> list[str]:
        return [one.state for one in models.check_bundled(settings)]

    assert look() == [MISSING, MISSING, NOTE]
    files = [Path(file).name for file in bundled.PACKAGES["whisper_tiny_en"].files]
    bundled.place("whisper_tiny_en").mkdir()
    for name in files[:-1]:
        (bundled.place("whisper_tiny_en") / name).touch()
    assert look() == [MISSING, MISSING, NOTE], "one file is not there"
    (bundled.place("whisper_tiny_en") / files[-1]).touch()
    assert look() == [OK, MISSING, NOTE]


CODE = """
import json, sys
from omegaconf import OmegaConf
from lectern.tools.checking import models
found, size = models.check_hub(OmegaConf.create(json.loads(sys.argv[1])))
print(json.dumps([[[one.state, one.what + ": " + one.remedy] for one in found], size]))
"""


def ask_hub(settings: dict[str, Any], **environment: str) -> tuple[list[tuple[str, str]], int]:
    """What `check_hub` finds, in a process of its own: the hub's client reads the environment once."""
    done = subprocess.run(
        [warm.python(), "-c", CODE, json.dumps(settings)],
        cwd=ROOT,
        env=warm.environment(**environment),
        capture_output=True,
        text=True,
        check=True,
    )
    found, size = json.loads(done.stdout)
    return [(state, line) for state, line in found], size


def from_hub(hub_id: str, revision: str | None = None) -> dict[str, Any]:
    return {"source": "hub", "hub_id": hub_id, "revision": revision}


def test_the_hub_is_asked_for_each_model_that_is_not_here(tmp_path: Path) -> None:
    weights = tmp_path / "model"
    weights.mkdir()
    (weights / "config.json").write_text("{}")
    (weights / "model.safetensors").write_bytes(bytes(1000))
    cached = tmp_path / f"home/hub/models--owner--cached/snapshots/{COMMIT}"
    cached.mkdir(parents=True)
    for name in ("config.json", "model.safetensors"):
        (cached / name).touch()
    settings = {
        "base_model": from_hub("owner/good", COMMIT),
        "comparators": {
            "cached": {"model": from_hub("owner/cached", COMMIT)},
            "gated": {"model": from_hub("owner/gated", COMMIT)},
            "old": {"model": from_hub("owner/good", "f" * 40)},
            "unknown": {"model": from_hub("owner/unknown")},
            "here": {"model": from_hub(str(weights))},
        },
    }
    with hub_server.serve() as hub:
        hub.put("owner/good", COMMIT, weights)
        hub.put("owner/gated", COMMIT, weights, gated=True)
        environment = hub.environment(tmp_path / "home")
        found, _ = ask_hub(settings, **environment)
        assert [(state, line.split(":")[0]) for state, line in found] == [
            (OK, "owner/cached (comparators.cached.model.hub_id) is in this machine's cache"),
            (OK, "the hub gives owner/good (base_model.hub_id)"),
            (MISSING, "comparators.gated.model.hub_id"),
            (MISSING, "comparators.old.model.hub_id"),
            (MISSING, "comparators.unknown.model.hub_id"),
        ]
        assert "is gated" in found[2][1]
        assert "has no revision" in found[3][1]
        assert "has no model owner/unknown" in found[4][1]
        assert not any("cached" in path for path in hub.asked), "what is here is not asked for"
        with_token, _ = ask_hub(
            {"base_model": from_hub("owner/gated", COMMIT)},
            **{**environment, "HF_TOKEN": hub_server.TOKEN},
        )
        assert with_token[0][0] == OK
        asked = len(hub.asked)
        offline, _ = ask_hub(settings, **{**environment, "HF_HUB_OFFLINE": "1"})
        assert [state for state, _ in offline] == [OK, MISSING]
        assert "HF_HUB_OFFLINE is set" in offline[1][1]
        assert len(hub.asked) == asked, "it kept to HF_HUB_OFFLINE"


def test_a_hub_that_does_not_answer_is_named_once(tmp_path: Path) -> None:
    nobody = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "0"}
    settings = {"base_model": from_hub("owner/a"), "transcribe": {"model": "large-v3"}}
    [(state, line)], _ = ask_hub(settings, **nobody)
    assert state == MISSING
    assert line.startswith(
        "owner/a, Whisper large-v3: not in this machine's cache, and the hub http://127.0.0.1:9"
    )
    assert ask_hub({"base_model": {"source": "embedded"}}, **nobody) == ([], 0), "nobody needs it"


def test_a_whisper_model_that_does_not_exist_is_missing(tmp_path: Path) -> None:
    [(state, line)], _ = ask_hub({"transcribe": {"model": "larg-v3"}}, HF_HOME=str(tmp_path))
    assert state == MISSING
    assert "large-v3-turbo" in line


@pytest.fixture
def endpoint() -> Iterator[str]:
    """A server with OpenAI's list of models under /v1, one that wants a token, and one that tells nothing."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            allowed = self.headers.get("Authorization") == "Bearer the-token"
            status, body = {
                "/v1/models": (200, json.dumps({"data": [{"id": "big"}, {"id": "small"}]})),
                "/closed/v1/models": (200 if allowed else 401, json.dumps({"data": [{"id": "big"}]})),
                "/silent/v1/models": (404, "<html>"),
                "/broken/v1/models": (503, ""),
            }[self.path]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("values", "state", "said"),
    [
        ({"base_url": "{at}/v1"}, OK, "has big"),
        ({"base_url": "{at}/v1", "model": "huge"}, MISSING, "has no model 'huge'; it has big, small"),
        ({"base_url": "{at}/closed/v1", "api_key": "A_KEY"}, OK, "has big"),
        ({"base_url": "{at}/closed/v1"}, MISSING, "answers 401"),
        ({"base_url": "{at}/silent/v1"}, NOTE, "does not tell"),
        ({"base_url": "{at}/broken/v1"}, MISSING, "answers 503"),
        ({"base_url": "http://127.0.0.1:9/v1", "api_key": "A_KEY"}, MISSING, "does not answer"),
    ],
)
def test_an_endpoint_is_asked_for_its_models(
    endpoint: str, monkeypatch: pytest.MonkeyPatch, values: dict[str, str], state: str, said: str
) -> None:
    monkeypatch.setenv("A_KEY", "the-token")
    judge = {**ENDPOINT, **{key: value.format(at=endpoint) for key, value in values.items()}}
    [(found, line)] = states(services.check_endpoints(toy(judge=judge)))
    assert found == state
    assert said in line
    assert "the-token" not in line


def test_an_endpoint_without_its_key_or_with_an_engine_of_ours_is_not_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("A_KEY", raising=False)
    settings = toy(
        judge={**ENDPOINT, "base_url": "http://127.0.0.1:9/v1", "api_key": "A_KEY"},
        teacher={**ENDPOINT, "engine": "embedded"},
    )
    assert list(services.check_endpoints(settings)) == []


def test_the_head_of_a_cluster_takes_connections(endpoint: str) -> None:
    address = endpoint.removeprefix("http://")
    for given, expected in ((address, [OK]), ("127.0.0.1:9", [MISSING]), ("auto", []), ("", [])):
        settings = toy(compute={"executor": "ray", "address": given})
        assert [one.state for one in services.check_cluster(settings)] == expected
    assert list(services.check_cluster(toy(compute={"executor": "local", "address": "127.0.0.1:9"}))) == []


LIBRARIES = {"transcribe": {"plain": ("ctranslate2",), "whisperx": ("whisperx", "click")}}


def check_engine(engine: str, python: str, device: str = "cpu") -> tuple[str, str]:
    settings = toy(transcribe={"engine": engine, "python": python, "device": device})
    [found] = states(speech.check_engines(settings, LIBRARIES))
    return found


def test_an_engine_s_python_is_asked_what_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        sys, "executable", str(tmp_path / "python")
    )  # beside which interpreters are looked for
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    (tmp_path / "python").symlink_to(shutil.which("true") or "")

    def put(name: str, script: str) -> None:
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)

    state, line = check_engine("whisperx", "python")
    assert (state, "transcribe.python=python-whisperx" in line) == (MISSING, True)
    state, line = check_engine("whisperx", "python-whisperx")
    assert (state, "no such program" in line, "`make whisperx`" in line) == (MISSING, True, True)
    put("python-whisperx", 'echo "error: it is not there yet. Run: make whisperx" >&2; exit 1')
    state, line = check_engine("whisperx", "python-whisperx")
    assert (state, "it is not there yet" in line) == (MISSING, True)
    put("python-whisperx", "echo 'a warning'; echo '[[\"whisperx\"], null]'")
    state, line = check_engine("whisperx", "python-whisperx")
    assert (state, "has no whisperx" in line) == (MISSING, True)
    put("python-whisperx", "echo '[[], 0]'")
    state, line = check_engine("whisperx", "python-whisperx", "cuda")
    assert (state, "transcribe.device=cpu" in line) == (MISSING, True)
    put("python-whisperx", "echo '[[], 2]'")
    assert check_engine("whisperx", "python-whisperx", "cuda")[0] == OK


def test_this_python_is_asked_in_the_same_way() -> None:
    import ctranslate2

    assert check_engine("plain", "python")[0] == OK
    expected = OK if ctranslate2.get_cuda_device_count() else MISSING
    assert check_engine("plain", "python", "cuda")[0] == expected


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in, in no repository."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    return tmp_path


def git(*arguments: str) -> None:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
    subprocess.run(["git", *identity, *arguments], check=True, capture_output=True)


def test_git_and_dvc_are_looked_at(project: Path) -> None:
    assert [one.state for one in machine.check_repository()] == [MISSING]
    git("init", "-q")
    (project / ".gitignore").write_text(".dvc/tmp\n.dvc/cache\n")
    found = states(machine.check_repository())
    assert [state for state, _ in found] == [NOTE, MISSING]
    assert "there is no dvc.yaml here" in found[1][1]
    (project / "dvc.yaml").write_text("stages: {}\n")
    (project / ".dvc").mkdir()
    (project / ".dvc/config").touch()
    git("add", "-A")
    git("commit", "-qm", "start")
    found = states(machine.check_repository())
    assert [state for state, _ in found] == [OK, NOTE]
    assert "no remote" in found[1][1]
    (project / ".dvc/config").write_text("['remote \"store\"']\n    url = /nowhere\n")
    found = states(machine.check_repository())
    assert [state for state, _ in found] == [NOTE, OK]
    assert "1 files have changes" in found[0][1]
    assert "remote store" in found[1][1]


def test_what_is_to_be_downloaded_must_fit_on_the_disk(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LECTERN_CACHE", str(project / "cache"))
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda _: SimpleNamespace(free=3e9))
    assert {one.state for one in machine.check_disk(0)} == {OK}
    assert MISSING in {one.state for one in machine.check_disk(3_500_000_000)}
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda _: SimpleNamespace(free=1e9))
    assert MISSING in {one.state for one in machine.check_disk(0)}


def test_a_gpu_that_torch_does_not_use_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(machine.torch_build, "has_nvidia", lambda: True)
    assert machine.check_gpu().state == NOTE
    assert "make setup" in machine.check_gpu().remedy
    monkeypatch.setattr(machine.torch_build, "has_nvidia", lambda: False)
    assert machine.check_gpu().state == OK


def test_the_command_ends_with_0_where_the_configuration_would_run_and_with_1_elsewhere(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compose(project, "recipe=smoke")
    for name in ("pyproject.toml", "requirements.lock", "dvc.yaml"):
        shutil.copy(ROOT / name, project)
    for folder in ("data/sources/smoke", "data/evals", "data/openings"):
        shutil.copytree(ROOT / folder, project / folder)
    git("init", "-q")
    (project / ".dvc").mkdir()
    (project / ".dvc/config").touch()

    def check() -> tuple[object, dict[str, str]]:
        with pytest.raises(SystemExit) as ended:
            cli.main(["check"])
        lines = capsys.readouterr().out.splitlines()
        told = {line.split(" ", 1)[1].strip(): line.split(" ", 1)[0] for line in lines}
        return ended.value.code, told

    status, told = check()
    assert (status, MISSING in told.values()) == (0, False), told
    assert told["this configuration would run here"] == "check:"
    shutil.rmtree(project / "data/sources/smoke")
    status, told = check()
    assert status == 1
    assert next(line for line, state in told.items() if state == MISSING).startswith("corpus.sources[0]")
    assert any("would not run here: 1 of " in line for line in told)
