"""Every section is checked at once, and each fault is named."""

import re
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from lectern.core.errors import LecternError
from lectern.settings import sections
from lectern.tools import params
from stages import check_params

CONF = Path("conf")
WRONG = (
    "train.learning_rate=abc",
    "split.by=foo",
    "split.on_leak=bar",
    "curate.min_rating=high",
    "+train.methd=lora",
)


def test_composing_names_every_value_that_does_not_fit_and_writes_nothing(tmp_path: Path) -> None:
    out = tmp_path / "params.yaml"
    with pytest.raises(LecternError) as caught:
        params.main(["recipe=smoke", *WRONG], CONF, out)
    said = str(caught.value).splitlines()
    assert len(said) == 3
    assert all(line.startswith(f"{out}: section ") for line in said)
    for part in (
        "no methd (did you mean method?)",
        "learning_rate is 'abc'; give a number.",
        "by is 'foo'; choose item or section; on_leak is 'bar'; choose fail or drop.",
        "min_rating is 'high'; give a number, or null.",
    ):
        assert any(part in line for line in said), part
    assert list(tmp_path.iterdir()) == []


def test_the_stage_names_the_sections_and_its_output_is_the_same_for_other_values(tmp_path: Path) -> None:
    out = tmp_path / "checked.txt"
    written = []
    for override in ("train.seed=1", "train.seed=2"):
        params.main([override], CONF, tmp_path / "params.yaml")
        said = check_params.main(tmp_path / "params.yaml", out)
        assert said == f"{len(OmegaConf.load(tmp_path / 'params.yaml'))} sections fit"
        written.append(out.read_text())
    # otherwise each experiment would fetch again
    assert written[0] == written[1]
    assert set(written[0].split()) == set(OmegaConf.load(tmp_path / "params.yaml"))


def test_a_source_a_comparator_and_a_section_that_do_not_fit_are_faults(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    params.main([], CONF, path)
    settings = OmegaConf.load(path)
    settings.corpus.sources = [{"kind": "media", "path": "a"}, {"kind": "radio"}]
    settings.comparators = {"base": {"revision": "0123456789"}}
    settings.invented = settings.found = settings.zebra = settings.alone = {}
    del settings["report"]
    OmegaConf.save(settings, path)
    faults = list(sections.find_faults(path))
    assert len(faults) == 7
    unknown = [name for fault in faults for name in re.findall(r"no stage reads section '(\w+)'", fault)]
    assert unknown == ["alone", "found", "invented", "zebra"]
    for part in ("corpus.sources[1]", "comparators.base", "'invented'", "no section 'report'"):
        assert any(part in fault for fault in faults), part


@pytest.mark.parametrize(
    ("broken", "named"),
    [
        ([], ["sources"]),
        (["corpus"], ["corpus"]),  # whose sources cannot be read
        (["transcribe"], ["sources", "transcribe"]),
        (["corpus", "transcribe"], ["corpus", "transcribe"]),
    ],
)
def test_a_section_that_does_not_fit_hides_no_other_and_repeats_none(
    tmp_path: Path, broken: list[str], named: list[str]
) -> None:
    path = tmp_path / "params.yaml"
    params.main([], CONF, path)
    settings = OmegaConf.load(path)
    settings.corpus.sources = [{"kind": "radio"}]
    for name in broken:
        settings[name].invented = 1
    OmegaConf.save(settings, path)
    faults = "\n".join(sections.find_faults(path))
    assert re.findall(r"(?:section '?|corpus\.)(\w+)", faults) == named


@pytest.mark.parametrize(
    ("text", "message"), [(None, "does not exist"), ("a: [", "cannot be read"), ("- 1", "no section")]
)
def test_a_file_that_holds_no_sections_is_said(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "params.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(LecternError, match=message):
        check_params.main(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()
