"""The fetch stage over sources of several kinds, and every shipped corpus."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from lectern.core.errors import LecternError
from lectern.settings.corpus import Corpus
from lectern.settings.sources import parse_source
from lectern.tools import update
from stages import fetch
from tests.settings import configure
from tests.support.corpora import RAW, corpus, entry, feed, get, podcast, records, videos
from tests.support.server import Site
from tests.unit.sources.conftest import SMOKE

ROOT = Path.cwd()


@pytest.mark.usefixtures("project")
def test_kinds_mix_in_one_corpus(site: Site, mp3: bytes) -> None:
    chosen = corpus(
        {"kind": "media", "path": str(SMOKE)},
        videos(site.put("/a.mp3", mp3)),
        podcast(site.put("/feed", feed(entry(1, site.put("/1.mp3", mp3))))),
    )
    assert str(get(chosen)) == "made 6, kept 0, removed 0, failed 0"
    assert sorted(record.kind for record in records()) == ["media"] * 4 + ["podcast", "youtube"]
    assert str(fetch.main(chosen, RAW)) == "made 0, kept 6, removed 0, failed 0"
    # One source less: its items go, no other is made again.
    fewer = configure(Corpus, name="test", sources=chosen.sources[1:])
    assert str(fetch.main(fewer, RAW)) == "made 0, kept 2, removed 4, failed 0"


@pytest.mark.usefixtures("project")
def test_two_sources_may_not_share_a_listing(site: Site) -> None:
    with pytest.raises(LecternError, match="two sources have the name 'a'"):
        update.main(corpus(videos(site.address + "/1", name="a"), podcast(site.address + "/2", name="a")))


@pytest.mark.usefixtures("project")
def test_update_asks_the_named_sources_only(site: Site, mp3: bytes) -> None:
    chosen = corpus(videos(site.put("/a.mp3", mp3), name="a"), videos(site.put("/b.mp3", mp3), name="b"))
    assert update.main(chosen, ["b"]) == 0
    assert site.hits == ["/b.mp3"]
    with pytest.raises(LecternError, match="no source is named 'c'; the names are: a, b"):
        update.main(chosen, ["c"])


@pytest.mark.usefixtures("project")
def test_a_corpus_of_files_alone_has_nothing_to_ask(capsys: pytest.CaptureFixture[str]) -> None:
    assert update.main(corpus({"kind": "media", "path": str(SMOKE)})) == 0
    assert "has no playlist, channel or feed" in capsys.readouterr().out
    assert not Path("data/listings").exists()


def test_the_command_says_what_is_new_and_fails_when_a_source_could_not_be_asked(
    site: Site, mp3: bytes, project: Path
) -> None:
    chosen = corpus(
        videos(site.put("/a.mp3", mp3), name="good"), videos(site.address + "/nothing", name="bad")
    )
    OmegaConf.save({"corpus": vars(chosen)}, project / "params.yaml")
    run = subprocess.run(
        [sys.executable, "-m", "lectern", "update"],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 1
    assert "update: 1 new in good, 0 changed, 1 in all: a\n" in run.stdout
    assert "update: bad: " in run.stderr
    assert run.stderr.endswith("lectern update: error: 1 could not be asked; the others are up to date\n")
    assert (project / "data/listings/good.jsonl").is_file()


@pytest.mark.parametrize("path", sorted(Path("conf/corpus").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_source_of_a_shipped_corpus_is_accepted_by_its_kind(path: Path) -> None:
    sources = OmegaConf.to_container(OmegaConf.load(path).sources)
    assert isinstance(sources, list)
    for number, values in enumerate(sources):
        parse_source(values, number)


@pytest.mark.usefixtures("project")
def test_a_title_obeys_no_terminal(site: Site, mp3: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    update.main(
        corpus(podcast(site.put("/feed", feed(entry(1, site.put("/1.mp3", mp3), title="a\u202eb\u2066c")))))
    )
    assert capsys.readouterr().out.endswith(": abc\n")
