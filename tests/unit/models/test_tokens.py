"""Tokens are counted as the tokenizer itself counts them, whatever its file asks for besides."""

import shutil
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from lectern.core.errors import LecternError
from lectern.models import tokens
from lectern.models.packaged import converted

TEXTS = [
    "",
    "One.",
    "Ёлка, 山川 and a long word: antidisestablishmentarianism",
    "<|im_start|>user\n",
    "a b " * 500,
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tokenizer that cuts and fills up what it encodes, as files from training do."""
    loaded = Tokenizer.from_file(str(converted("smollm2_135m") / "tokenizer.json"))
    loaded.enable_truncation(8)
    loaded.enable_padding(length=8)
    loaded.save(str(tmp_path / "tokenizer.json"))
    return tmp_path


def test_counts_are_those_of_the_base_models_tokenizer(folder: Path) -> None:
    from transformers import AutoTokenizer

    reference = AutoTokenizer.from_pretrained(converted("smollm2_135m"))
    expected = [len(reference(text, add_special_tokens=False)["input_ids"]) for text in TEXTS]
    for place in ("smollm2_135m", str(folder)):
        assert tokens.counter(place)(TEXTS) == expected
        assert tokens.counter(place)(TEXTS * 500) == expected * 500  # more than one batch


def test_the_key_of_a_tokenizer_is_its_content(folder: Path, tmp_path: Path) -> None:
    # Property: neither the place nor the name decides, and another tokenizer does.
    other = shutil.copytree(folder, tmp_path / "elsewhere")
    assert tokens.identify(str(folder)) == tokens.identify(str(other))
    assert str(tmp_path) not in tokens.identify(str(folder))
    (other / "tokenizer.json").write_text("{}")
    assert tokens.identify(str(folder)) != tokens.identify(str(other))
    assert tokens.identify("organisation/model@abc") == "organisation/model@abc"
    assert tokens.identify("smollm2_135m") != tokens.identify("minilm_l6")


@pytest.mark.parametrize("wrong", ["gpt-9", "./nowhere", "/nowhere/model", "."])
def test_a_wrong_name_is_told(wrong: str) -> None:
    with pytest.raises(LecternError, match=r"parse.tokenizer.*smollm2_135m"):
        tokens.identify(wrong)


def test_a_broken_tokenizer_is_told(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(LecternError, match=r"parse.tokenizer: .* could not be loaded"):
        tokens.counter(str(tmp_path))(["one"])
