import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from stages.core import params
from stages.core.errors import LecternError
from stages.tuning import models
from tests.unit.tuning.tiny import TINY

HUB = models.BaseModel(
    name="gated", source="hub", hub_id="some-owner/some-model", context_length=64, end_of_turn="<|im_end|>"
)


class Gated(BaseHTTPRequestHandler):
    """A hub whose every model asks for consent, as a hub says it."""

    def do_HEAD(self) -> None:
        self.send_response(403)
        self.send_header("X-Error-Code", "GatedRepo")
        self.send_header("X-Error-Message", "Access to model some-owner/some-model is restricted.")
        self.end_headers()

    do_GET = do_HEAD  # noqa: N815

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def hub() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Gated)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def point_at(monkeypatch: pytest.MonkeyPatch, url: str, cache: Path) -> None:
    import huggingface_hub.constants
    import huggingface_hub.file_download

    for module in (huggingface_hub.constants, huggingface_hub.file_download):
        for name, value in (
            ("ENDPOINT", url),
            ("HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}"),
            ("HF_HUB_OFFLINE", False),
            ("HF_HUB_CACHE", str(cache)),
        ):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, value)


def test_a_gated_model_names_the_page_and_the_token(
    hub: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    point_at(monkeypatch, hub, tmp_path)
    with pytest.raises(LecternError, match=r"https://huggingface\.co/some-owner/some-model.*HF_TOKEN"):
        models.get_tokenizer(HUB)


def test_an_unreachable_hub_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    point_at(monkeypatch, "http://127.0.0.1:9", tmp_path)
    monkeypatch.setattr(
        "huggingface_hub.constants.HF_HUB_OFFLINE", True
    )  # else the library tries for a minute
    with pytest.raises(
        LecternError, match=r"(?s)some-owner/some-model could not be loaded.*set base_model\.hub_id"
    ):
        models.get_tokenizer(HUB)


def test_a_directory_serves_as_a_hub(tmp_path: Path, model: Any, tokenizer: Any) -> None:
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    base = replace(HUB, name="mine", hub_id=str(tmp_path))
    assert type(models.get_model(base)) is type(model)
    assert models.get_tokenizer(base).chat_template == tokenizer.chat_template
    # an adapter must not carry a path of this machine
    assert base.identity == "mine"
    assert HUB.identity == "some-owner/some-model"
    with pytest.raises(LecternError, match="context_length 9999 is above the 512 tokens"):
        models.get_model(replace(base, context_length=9999))


def test_an_end_of_turn_that_is_no_token_is_refused() -> None:
    with pytest.raises(LecternError, match="'<end>' is not a token"):
        models.get_tokenizer(replace(TINY, end_of_turn="<end>"))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"source": "web"}, "choose one of embedded, hub, random"),
        ({"source": "hub"}, "source hub needs hub_id"),
        ({"package": None}, "source random needs package"),
        ({"package": "gpt5"}, "package is 'gpt5'; choose one of smollm2_135m"),
        ({"architecture": "mamba"}, "architecture is 'mamba'"),
        ({"context_length": 0}, "context_length is 0"),
    ],
)
def test_an_impossible_base_is_refused(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        replace(TINY, **change)


def test_models_of_other_families_load() -> None:
    for architecture in models.ARCHITECTURES:
        one, same = (models.get_model(replace(TINY, architecture=architecture)) for _ in range(2))
        other = models.get_model(replace(TINY, architecture=architecture, seed=1))
        names = [name for name, _ in one.named_parameters()]
        weights = [dict(each.named_parameters())[names[0]] for each in (one, same, other)]
        # the seed decides the weights, and nothing else does
        assert bool((weights[0] == weights[1]).all())
        assert not bool((weights[0] == weights[2]).all())


@pytest.mark.parametrize("file", sorted(Path("conf/base_model").glob("*.yaml")), ids=lambda file: file.stem)
def test_each_shipped_base_model_is_valid(file: Path, tmp_path: Path) -> None:
    lines = file.read_text().splitlines(keepends=True)
    (tmp_path / "params.yaml").write_text("base_model:\n" + "".join("  " + line for line in lines))
    base = params.load("base_model", models.BaseModel, tmp_path / "params.yaml")
    assert base.name == file.stem
