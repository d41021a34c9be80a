"""What the generators of the documentation read from a dvc.yaml, and where the site's links lead."""

from pathlib import Path

import pytest

from lectern.tools.reference import picture, pipeline, site

DVC_YAML = """
stages:
  fetch:
    desc: Bring it
    cmd: python -m stages.fetch
    deps: [stages/fetch.py, lectern/core, data/sources]
    outs: [data/raw]
  hear:
    desc: Hear it
    cmd: ${hear.python} -m stages.hear
    deps: [data/raw]
    params: [hear]
    outs:
      - data/words: {persist: true}
    metrics:
      - metrics/words.json: {cache: false}
  tell:
    desc: Tell it
    cmd: python -m stages.tell
    deps: [data/raw, data/words/one.json, metrics/words.json]
    outs: [report.md]
"""


@pytest.fixture
def found(tmp_path: Path) -> pipeline.Pipeline:
    (tmp_path / "dvc.yaml").write_text(DVC_YAML)
    return pipeline.read(tmp_path)


def test_a_stage_is_read_without_its_code(found: pipeline.Pipeline) -> None:
    fetch, hear, _ = found.stages
    assert (fetch.reads, fetch.writes) == (("data/sources",), ("data/raw",))
    assert hear.writes == ("data/words", "metrics/words.json")
    assert found.list_inputs() == ["data/sources"]
    assert [stage.name for stage in found.find_readers("data/words")] == ["tell"], "a part of a folder counts"


def test_an_arrow_is_drawn_for_each_need_but_not_where_a_longer_way_leads_there(
    found: pipeline.Pipeline,
) -> None:
    assert picture.find_needs(found) == {"fetch": set(), "hear": {"fetch"}, "tell": {"hear"}}


@pytest.mark.parametrize(
    ("source", "link", "pointed"),
    [
        ("docs/get-started.md", "[a](../data/labels/README.md#the-files)", "[a](data/labels.md#the-files)"),
        ("docs/sources/podcast.md", "[a](../../data/labels/README.md)", "[a](../data/labels.md)"),
        ("docs/sources/podcast.md", "[a](../did-it-help.md#x)", "[a](../did-it-help.md#x)"),
        ("README.md", "![a](docs/images/report.png)", "![a](images/report.png)"),
        ("data/labels/README.md", "[a](../corrections/README.md)", "[a](corrections.md)"),
        ("README.md", "[a](LICENSE)", "a"),
        ("README.md", "[a](https://dvc.org), [b](#c)", "[a](https://dvc.org), [b](#c)"),
        ("README.md", "`[a](LICENSE)`\n```\n[a](LICENSE)\n```\n", "`[a](LICENSE)`\n```\n[a](LICENSE)\n```\n"),
        ("README.md", "[`a`](docs/x.md)", "[`a`](x.md)"),
    ],
)
def test_a_link_leads_to_the_page_of_the_site(source: str, link: str, pointed: str) -> None:
    assert site.point_links(link, source, "") == pointed


def test_a_link_to_code_leads_to_the_repository_where_it_is_known() -> None:
    pointed = site.point_links("[a](LICENSE)", "README.md", "https://example.org/us/lectern/")
    assert pointed == "[a](https://example.org/us/lectern/blob/main/LICENSE)"
