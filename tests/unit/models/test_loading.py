import ast
import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lectern.core import params
from lectern.core.errors import LecternError
from lectern.models import loading, stand_ins
from lectern.settings.base_model import ARCHITECTURES, BaseModelSettings
from tests import warm
from tests.settings import configure
from tests.support import hub_server
from tests.support.tiny import TINY

HUB = configure(
    BaseModelSettings,
    name="mine",
    source="hub",
    hub_id="some-owner/some-model",
    context_length=64,
    end_of_turn="<|im_end|>",
)
COMMIT = "5f0b02c75b57c5855da9ae460ce51323ea669d8a"
LOAD = """
import json, os, sys
from lectern.core.errors import LecternError
from lectern.core.stage import quieten_libraries
from lectern.models import loading as models
from lectern.settings.base_model import BaseModelSettings
from tests.settings import configure
quieten_libraries()
for case in json.loads(sys.argv[1]):
    os.environ["HF_TOKEN"] = case.pop("token", "")
    base = configure(BaseModelSettings, name="mine", source="hub", context_length=64, end_of_turn="<|im_end|>", **case)
    try:
        models.get_tokenizer(base)
        print(json.dumps([type(models.get_model(base)).__name__]))
    except LecternError as error:
        print(json.dumps(str(error)))
"""


def ask(environment: dict[str, str], *cases: dict[str, Any]) -> list[Any]:
    """What another process gets for each model: the class in a list, or the text of the error."""
    done = subprocess.run(
        [warm.python(), "-c", LOAD, json.dumps(cases)],
        env=warm.environment(**environment),
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory, model: Any, tokenizer: Any) -> dict[str, Any]:
    """What comes of models that a hub has, refuses, or does not have; asked without a token."""
    import torch

    folder, pickled = (tmp_path_factory.mktemp(name) for name in ("files", "pickled"))
    for part in (model, tokenizer):
        part.save_pretrained(folder)
    tokenizer.save_pretrained(pickled)
    model.config.save_pretrained(pickled)
    torch.save(model.state_dict(), pickled / "pytorch_model.bin")
    cases = {
        "good": {"hub_id": "owner/good"},
        "pinned": {"hub_id": "owner/good", "revision": COMMIT},
        "gated": {"hub_id": "owner/gated"},
        "with a token": {"hub_id": "owner/gated", "token": hub_server.TOKEN},
        "unknown": {"hub_id": "owner/unknown"},
        "no such revision": {"hub_id": "owner/good", "revision": "0" * 40},
        "pickled": {"hub_id": "owner/pickled"},
    }
    with hub_server.serve() as hub:
        hub.put("owner/good", COMMIT, folder)
        hub.put("owner/gated", COMMIT, folder, gated=True)
        hub.put("owner/pickled", COMMIT, pickled)
        home = tmp_path_factory.mktemp("home")
        found = ask(hub.environment(home), *cases.values())
    # the hub is gone, the cache is there
    later = ask(hub.environment(home) | {"HF_HUB_OFFLINE": "1"}, cases["pinned"], {"hub_id": "owner/other"})
    offline = dict(zip(("from the cache", "not in the cache"), later, strict=True))
    return dict(zip(cases, found, strict=True)) | offline


@pytest.mark.parametrize("name", ["good", "pinned", "with a token", "from the cache"])
def test_a_model_comes_from_the_hub(answers: dict[str, Any], name: str) -> None:
    assert answers[name] == ["LlamaForCausalLM"]


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("gated", r"owner/gated is gated.*https://huggingface\.co/owner/gated.*settings/tokens.*HF_TOKEN"),
        ("unknown", r"the hub has no model owner/unknown.*base_model\.hub_id.*HF_TOKEN"),
        ("no such revision", r"owner/good has no revision 0{40}.*commits/main.*lectern pin"),
        ("pickled", r"(?s)owner/pickled could not be loaded.*must be \.safetensors.*pickled weights"),
        (
            "not in the cache",
            r"owner/other is not in this machine's cache.*could not be reached.*HF_HUB_OFFLINE",
        ),
    ],
)
def test_each_refusal_says_what_it_is_and_what_to_do(
    answers: dict[str, Any], name: str, complaint: str
) -> None:
    assert re.search(complaint, answers[name]), answers[name]
    assert answers[name].startswith("base_model mine: ")


@pytest.mark.slow  # the library tries for the better part of a minute
def test_a_hub_that_does_not_answer_is_named(tmp_path: Path) -> None:
    with hub_server.serve() as hub:
        environment = hub.environment(tmp_path)
    [found] = ask(environment, {"hub_id": "owner/good"})
    assert re.search(
        r"owner/good is not in this machine's cache.*127\.0\.0\.1.*could not be reached", found
    ), found


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    for place in (str(tmp_path / "model"), "./model", "~/model"):
        with pytest.raises(LecternError, match="there is no directory"):
            loading.get_tokenizer(replace(HUB, hub_id=place))


def test_a_directory_serves_as_a_hub(tmp_path: Path, model: Any, tokenizer: Any) -> None:
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    base = replace(HUB, name="mine", hub_id=str(tmp_path))
    assert type(loading.get_model(base)) is type(model)
    assert loading.get_tokenizer(base).chat_template == tokenizer.chat_template
    # an adapter must not carry a path of this machine
    assert base.identity == "mine"
    assert HUB.identity == "some-owner/some-model"
    with pytest.raises(LecternError, match="context_length 9999 is above the 512 tokens"):
        loading.get_model(replace(base, context_length=9999))


def test_an_end_of_turn_that_is_no_token_is_refused() -> None:
    with pytest.raises(LecternError, match="'<end>' is not a token"):
        loading.get_tokenizer(replace(TINY, end_of_turn="<end>"))


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
    for architecture in ARCHITECTURES:
        one, same = (loading.get_model(replace(TINY, architecture=architecture)) for _ in range(2))
        other = loading.get_model(replace(TINY, architecture=architecture, seed=1))
        names = [name for name, _ in one.named_parameters()]
        weights = [dict(each.named_parameters())[names[0]] for each in (one, same, other)]
        # the seed decides the weights, and nothing else does
        assert bool((weights[0] == weights[1]).all())
        assert not bool((weights[0] == weights[2]).all())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_models_of_all_families_are_equally_small(architecture: str) -> None:
    tokenizer = loading.get_tokenizer(TINY)
    model = stand_ins.random_model(architecture, tokenizer, context_length=TINY.context_length, seed=0)
    config = model.config
    [query, *_] = [part for name, part in model.named_modules() if name.endswith("q_proj")]
    # property: the heads together are as wide as the model, and most weights are the embedding's
    assert query.out_features == config.hidden_size == stand_ins.SIZE["hidden_size"]
    embedding = model.get_input_embeddings().weight
    others = [weight for weight in model.parameters() if weight is not embedding]
    assert sum(weight.numel() for weight in others) < embedding.numel() / 10
    assert {weight.dtype for weight in model.parameters()} == {embedding.dtype}
    assert not model.training
    # property: it reads what the settings say that it can read, and embeds each token of its tokenizer
    assert config.max_position_embeddings == TINY.context_length
    assert len(embedding) == len(tokenizer)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_model_is_held_in_four_bits(architecture: str) -> None:
    import torch
    from bitsandbytes.nn import Linear4bit

    plain = loading.get_model(replace(TINY, architecture=architecture))
    model = loading.get_model(replace(TINY, architecture=architecture), quantized=True, dtype="bfloat16")
    linear = {name for name, layer in plain.named_modules() if isinstance(layer, torch.nn.Linear)}
    small = {name: layer for name, layer in model.named_modules() if isinstance(layer, Linear4bit)}
    # all linear layers but the head
    assert set(small) == linear - {"lm_head"}
    for layer in small.values():
        state = layer.weight.quant_state
        assert (state.quant_type, state.nested, layer.compute_dtype) == ("nf4", True, torch.bfloat16)
    assert {weight.dtype for weight in model.parameters()} == {torch.uint8, torch.bfloat16}
    assert not model.training
    assert model.config._name_or_path == TINY.name


@pytest.mark.slow
def test_the_packaged_model_is_held_in_four_bits() -> None:
    base = replace(TINY, name="smollm2_135m", source="embedded")
    sizes = [loading.get_model(base, quantized=small).get_memory_footprint() for small in (False, True)]
    # 106 of its 135 million weights are in its linear layers, and shrink from 4 bytes to half a one
    assert sizes[0] - sizes[1] == pytest.approx(3.48 * 106e6, rel=0.01)


def test_a_directory_is_held_in_four_bits_and_in_half_precision(
    tmp_path: Path, model: Any, tokenizer: Any
) -> None:
    import torch

    for part in (model, tokenizer):
        part.save_pretrained(tmp_path)
    base = replace(HUB, hub_id=str(tmp_path))
    assert loading.get_model(base, quantized=True).is_loaded_in_4bit
    half = loading.get_model(base, dtype="bfloat16", attention="eager")
    assert {weight.dtype for weight in half.parameters()} == {torch.bfloat16}
    assert half.config._attn_implementation == "eager"


@pytest.mark.parametrize("attention", ["flash_attention_2", "fast"])
def test_an_attention_that_cannot_be_used_is_named(attention: str) -> None:
    with pytest.raises(
        LecternError, match=rf"train\.attention: {attention} cannot be used.*set train\.attention to sdpa"
    ):
        loading.get_model(TINY, attention=attention)


def test_an_unknown_type_of_number_is_refused() -> None:
    with pytest.raises(LecternError, match="'int8'; choose one of float32"):
        loading.get_model(TINY, dtype="int8")


@pytest.mark.parametrize("fault", ["cut off", "own code", "unknown architecture"])
def test_files_that_cannot_be_loaded_are_refused(
    fault: str, tmp_path: Path, model: Any, tokenizer: Any
) -> None:
    for part in (model, tokenizer):
        part.save_pretrained(tmp_path)
    if fault == "cut off":
        weights = tmp_path / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:-1000])
    elif fault == "own code":
        (tmp_path / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
        config = {"model_type": "own", "auto_map": {"AutoConfig": "own.C", "AutoModelForCausalLM": "own.M"}}
        (tmp_path / "config.json").write_text(json.dumps(config))
    else:
        (tmp_path / "config.json").write_text('{"model_type": "mamba99"}')
    with pytest.raises(LecternError, match=r"could not be loaded.*\n.*own code are not run"):
        loading.get_model(replace(HUB, hub_id=str(tmp_path)))
    assert not (tmp_path / "ran").exists()


def test_a_process_of_several_takes_its_own_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert loading._options(False, "bfloat16", None)["device_map"] == {"": 3}
    # accelerate itself lays out weights that are sharded, and wants them all of one type
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    options = loading._options(True, "bfloat16", None)
    assert "device_map" not in options
    assert options["quantization_config"].bnb_4bit_quant_storage == torch.bfloat16


@pytest.mark.parametrize("file", sorted(Path("conf/base_model").glob("*.yaml")), ids=lambda file: file.stem)
def test_each_shipped_base_model_is_valid(file: Path, tmp_path: Path) -> None:
    import torch

    lines = file.read_text().splitlines(keepends=True)
    (tmp_path / "params.yaml").write_text("base_model:\n" + "".join("  " + line for line in lines))
    base = params.load("base_model", BaseModelSettings, tmp_path / "params.yaml")
    assert base.name == file.stem
    assert base.target_modules, "name its linear layers"
    assert base.architecture or "# Licence: " in file.read_text()
    if base.architecture:
        layers = loading.get_model(base).named_modules()
        names = {name.split(".")[-1] for name, layer in layers if isinstance(layer, torch.nn.Linear)}
        assert names - {"lm_head"} == set(base.target_modules)


def test_no_model_is_read_with_a_question_whether_its_own_code_may_run() -> None:
    # without the argument, transformers asks whoever sits at the terminal
    calls = [
        (path.name, node)
        for path in sorted((Path(__file__).parents[3] / "lectern").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "from_pretrained"
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id.startswith("Auto")
    ]
    assert len(calls) >= 8
    for name, call in calls:
        told = {one.arg: one.value for one in call.keywords}
        by_mapping = None in told and name == "loading.py"  # **safe
        assert by_mapping or ast.literal_eval(told["trust_remote_code"]) is False, name
