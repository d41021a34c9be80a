"""A push to a hub on this machine: nothing without consent, nothing but what is meant, and on again after a break."""

import base64
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote_plus

import pytest
from omegaconf import OmegaConf

from lectern.core import secrets
from lectern.core.errors import LecternError
from lectern.publishing import pushing
from lectern.publishing.facts import Facts
from lectern.settings.publish import Publish
from lectern.tools import params
from tests import warm
from tests.settings import configure
from tests.support import failing_server, review_repo
from tests.support import server as sites
from tests.support.corpora import entry, feed
from tests.support.hub import TOKEN, Hub, serve
from tests.support.running import run
from tests.support.server import Reply

READY = (
    "publish.model_repo=me/talks",
    "publish.dataset_repo=me/talks-data",
    "publish.licence=apache-2.0",
    "publish.dataset_licence=cc-by-4.0",
)


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serve() as running:
        yield running


@pytest.fixture
def repo(tuned: Path, tmp_path: Path) -> Path:
    """A committed repository with something exported, all but the weights made up."""
    root = tmp_path / "repo"
    shutil.copytree(tuned, root)
    settle(root, *READY)
    out = root / "models/export"
    for name, content in (
        ("merged/model.safetensors", b"m" * 4_000),
        ("merged/config.json", b"{}"),
        ("gguf/lectern-q8_0.gguf", b"g" * 9_000),
        ("adapter/adapter_model.safetensors", b"a"),
        ("adapter/.env", b"SECRET=1"),
        ("merged/notes.txt", b"private"),
        ("secret.json", b"{}"),
    ):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_bytes(content)
    (root / ".gitignore").write_text("models/\ndata/\nmetrics/\n")
    for command in (("init", "-qb", "main"), ("add", "-A"), ("commit", "-qm", "start")):
        git(root, *command)
    return root


def settle(root: Path, *overrides: str, consent: str | None = "in writing, 2026-10-01") -> None:
    path = root / "params.yaml"
    params.main(["recipe=smoke", *overrides], review_repo.ROOT / "conf", path)
    chosen = OmegaConf.load(path)
    chosen.publish.consent = {"*": consent} if consent else {}
    OmegaConf.save(chosen, path)


def git(root: Path, *command: str) -> None:
    own = ["git", "-c", "user.name=Test", "-c", "user.email=test@example.org", *command]
    subprocess.run(own, cwd=root, check=True, capture_output=True)


def push(root: Path, hub: Hub, *arguments: str, token: str = TOKEN) -> subprocess.CompletedProcess[str]:
    env = {"HF_ENDPOINT": hub.address, "HF_HUB_OFFLINE": "0", "HF_TOKEN": token, "HF_HUB_DISABLE_XET": "1"}
    env |= {
        "HF_HOME": str(root.parent / "hf"),
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    return run(root, *arguments, command="push", **env)


def test_without_really_nothing_is_asked_and_everything_is_said(repo: Path, hub: Hub) -> None:
    done = push(repo, hub)
    assert done.returncode == 0, done.stderr
    assert hub.asked == []
    assert "push: model me/talks (private): 5 files" in done.stdout
    assert "gguf/lectern-q8_0.gguf" in done.stdout
    assert "push: dataset me/talks-data (private): 10 files" in done.stdout
    assert "before a push is possible" not in done.stdout
    assert done.stdout.splitlines()[-1] == "push: nothing was pushed; `lectern push --really` does it"


def test_without_consent_a_licence_or_a_commit_the_hub_is_not_asked(repo: Path, hub: Hub) -> None:
    for taken, consent, said in (
        ("train.seed=0", None, "publish.consent does not say that"),
        ("publish.licence=null", "yes", "publish.licence is empty"),
    ):
        settle(repo, *READY, taken, consent=consent)
        done = push(repo, hub, "--really", "--dirty")
        assert done.returncode == 1
        assert said in done.stderr
        assert said in push(repo, hub).stdout
    settle(repo, *READY, "train.seed=7")
    assert "uncommitted changes" in push(repo, hub, "--really").stderr
    assert hub.asked == []


def test_what_is_meant_is_pushed_and_nothing_else(repo: Path, hub: Hub) -> None:
    done = push(repo, hub, "--really")
    assert done.returncode == 0, done.stderr
    assert hub.repos == {"models/me/talks": True, "datasets/me/talks-data": True}
    names = {name.removeprefix("models/me/talks/") for name in hub.files if name.startswith("models/")}
    assert names == {
        "README.md",
        "merged/model.safetensors",
        "merged/config.json",
        "gguf/lectern-q8_0.gguf",
        "adapter/adapter_model.safetensors",
    }
    assert hub.files["models/me/talks/gguf/lectern-q8_0.gguf"] == b"g" * 9_000
    assert "datasets/me/talks-data/messages/train.jsonl" in hub.files
    assert b"in writing" in hub.files["models/me/talks/README.md"]
    assert all(message.startswith("Lectern at ") for message in hub.messages)
    assert TOKEN not in done.stdout + done.stderr
    kept = [path for path in repo.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
    assert kept == []


@pytest.mark.parametrize(
    ("token", "said"), [("", "export HF_TOKEN="), ("hf_wrong", "needs write access to me")]
)
def test_a_token_that_is_missing_or_refused_is_said(repo: Path, hub: Hub, token: str, said: str) -> None:
    done = push(repo, hub, "--really", token=token)
    assert done.returncode == 1
    assert said in done.stderr
    assert hub.files == {}
    assert not token or token not in done.stderr


@pytest.mark.slow
def test_a_broken_upload_is_said_and_the_next_one_completes_it(repo: Path, hub: Hub) -> None:
    hub.broken = True
    done = push(repo, hub, "--really")
    assert done.returncode == 1
    assert "model me/talks was not pushed" in done.stderr
    assert "push again" in done.stderr
    hub.broken = False
    assert push(repo, hub, "--really").returncode == 0
    assert "models/me/talks/merged/model.safetensors" in hub.files


SECRETS = {
    "HF_TOKEN": TOKEN,
    "OPENAI_API_KEY": "sk/4+f=Q-a9 teacher",
    "JUDGE_API_KEY": "sk-b8/judge+Z",
    "LECTERN_FEED_USER": "ada-0f-ours",
    "LECTERN_FEED_PASSWORD": "p4ss+w0rd-ours",
    "LECTERN_FEED_TOKEN": "t0ken/0f+us",
}
CYCLE = """
import os
from pathlib import Path
from lectern.llm import client
from lectern.llm.request import make_request
from lectern.core.schema import Message
from lectern.settings.llm import LLM
from lectern.tools import update
from stages import fetch
from tests.settings import configure
from tests.support.asking import make_requests
from tests.support.corpora import RAW, corpus, podcast
chosen = corpus(podcast(os.environ["FEED"]), allow_failed=1.0)
print(update.main(chosen), fetch.main(chosen, RAW))
for what, key in (("teacher", "OPENAI_API_KEY"), ("judge", "JUDGE_API_KEY")):
    llm = configure(LLM, name="x", engine="openai", model="m", base_url=os.environ["ENDPOINT"], api_key=key,
                    max_tries=2, backoff=0.001, max_tokens=16)
    found = client.ask(make_requests(llm, 30), llm, Path("data/replies") / what, what)
    print(len(found.replies), found.failed)
"""


@pytest.mark.slow
def test_no_secret_of_a_whole_cycle_is_in_any_file_or_line(
    repo: Path, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    told, asked = [], []

    def tell(*command: str, **env: str) -> None:
        done = subprocess.run(
            command,
            cwd=repo,
            env=warm.environment(PYTHONPATH=str(review_repo.ROOT), **env),
            capture_output=True,
            text=True,
        )
        told.append(done.stdout + done.stderr)
        assert done.returncode == 0, told[-1]

    mp3 = (review_repo.ROOT / "data/sources/smoke/smoke-01-logs.mp3").read_bytes()
    failing, endpoint = failing_server.launch("--echo", "--faults", 0.4, "--kinds", "400", "500")
    with sites.serve() as site, failing:
        token = SECRETS["LECTERN_FEED_TOKEN"]
        media = [f"{site.address}/{n}.mp3?token={quote_plus(token)}" for n in (1, 2)]
        site.put("/1.mp3", mp3)
        site.pages["/2.mp3"] = Reply(f"not with {token}".encode(), status=403, headers={"X-Token": token})
        site.put(
            "/feed",
            feed(*(entry(n, url, title=f"With {token}") for n, url in zip((1, 2), media, strict=True))),
        )
        own = site.address.replace("http://", "http://{LECTERN_FEED_USER}:{LECTERN_FEED_PASSWORD}@")
        tell("python", "-c", CYCLE, FEED=own + "/feed?token={LECTERN_FEED_TOKEN}", ENDPOINT=endpoint)
        asked += site.hits
    (repo / ".gitignore").write_text("models/\nmetrics/\n")
    tell("dvc", "init", "-q")
    for name in (
        "raw",
        "replies",
    ):  # outputs of a pipeline that does not run here, so copies of them go into the cache
        shutil.copytree(repo / "data" / name, repo / "copies" / name)
    tell("dvc", "add", "copies")
    params_file = repo / "params.yaml"
    params_file.write_text(params_file.read_text().replace("unlicensed: refuse", "unlicensed: allow"))
    git(repo, "add", "-A")
    git(repo, "commit", "-qm", "cycle")
    for hub.echoing in (True, False):
        done = push(repo, hub, "--really")
        assert (done.returncode == 1) == hub.echoing, done.stderr
        told.append(done.stdout + done.stderr)
    assert "the disk is full" in "".join(told)
    assert any("t0ken" in hit for hit in asked)

    objects = subprocess.run(
        ["git", "cat-file", "--batch-all-objects", "--batch"], cwd=repo, check=True, capture_output=True
    ).stdout
    texts = {
        str(path): path.read_bytes()
        for path in tmp_path.rglob("*")
        if path.is_file() and not path.is_symlink()
    }
    texts |= {
        "git": objects,
        "output": "".join(told).encode(),
        **{f"hub {k}": v for k, v in hub.files.items()},
    }
    assert sum("data/replies" in name for name in texts) >= 2
    assert sum(".dvc/cache" in name for name in texts) >= 2
    user = f"{SECRETS['LECTERN_FEED_USER']}:{SECRETS['LECTERN_FEED_PASSWORD']}"
    for name, value in {**SECRETS, "both": user}.items():
        forms = [secrets.pattern(value), *(re.compile(re.escape(form)) for form in in_base64(value))]
        for where, content in texts.items():
            text = content.decode("utf-8", "replace")
            assert not any(form.search(text) for form in forms), (name, where)


def in_base64(value: str) -> Iterator[str]:
    """What stands in any base64 of a text that holds the value, whatever is before and after it."""
    for shift in range(3):
        coded = base64.b64encode(b"x" * shift + value.encode())
        first = (shift * 8 + 5) // 6
        yield coded[first : len(shift * b"x" + value.encode()) * 8 // 6].decode()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        # The settings let this name pass, and the client library refuses it before it asks the hub.
        ("me/talks--2", "Cannot have -- or \\.\\. in repo_id"),
        ("me/talks", "offline mode is enabled"),
    ],
)
def test_what_the_client_library_refuses_is_said_without_the_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, reason: str
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    (tmp_path / "README.md").write_text("# Talks")
    [upload] = pushing.plan(tmp_path, configure(Publish, model_repo=name))
    said: list[str] = []
    with pytest.raises(LecternError, match=f"model {name} was not pushed: .*{reason}") as caught:
        pushing.push(upload, Facts("", False, {}, [], [], {}, {}, {}), private=True, say=said.append)
    assert "it needs write access to me." in str(caught.value)
    assert TOKEN not in str(caught.value)
    assert said == [f"uploading 1 files to {name}"]


def test_a_token_is_asked_for_where_it_is_blank_and_not_told_where_a_reason_holds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError(f"the header 'Bearer {TOKEN}' cannot be sent\n")

    monkeypatch.setattr(huggingface_hub.HfApi, "create_repo", refuse)
    (tmp_path / "README.md").write_text("# Talks")
    [upload] = pushing.plan(tmp_path, configure(Publish, model_repo="me/talks"))
    for token, told in ((" \n", "export HF_TOKEN="), (TOKEN, r"the header 'Bearer \.\.\.' cannot be sent")):
        monkeypatch.setenv("HF_TOKEN", token)
        with pytest.raises(LecternError, match=told) as caught:
            pushing.push(upload, Facts("", False, {}, [], [], {}, {}, {}), private=True, say=print)
        assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1 kB"),
        (999_000, "999 kB"),
        (1_000_000, "1.0 MB"),
        (2_500_000_000, "2.5 GB"),
    ],
)
def test_a_size_is_shown_in_the_largest_unit_that_it_reaches(size: int, shown: str) -> None:
    assert pushing.show_size(size) == shown


def test_a_link_is_not_followed(repo: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.gguf").write_bytes(b"x")
    (repo / "models/export/gguf/link.gguf").symlink_to(tmp_path / "outside.gguf")
    with pytest.raises(LecternError, match=r"link\.gguf is a link"):
        pushing.plan(repo / "models/export", configure(Publish, model_repo="me/talks"))


def test_a_name_that_is_no_repository_is_refused() -> None:
    for name in ("talks", "../x/y", "me/ta lks", "me/talks/more", "https://hf.co/me/talks"):
        with pytest.raises(ValueError, match="give the owner and the name"):
            configure(Publish, model_repo=name)
