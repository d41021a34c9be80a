"""The exported forms say what the tuned model says: real conversion, a real runtime."""

import json
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from lectern.core import io
from lectern.core.errors import LecternError
from lectern.llm import llama_client, llama_server
from lectern.models import generation, loading
from lectern.publishing import converter, exporting, fidelity, modelfile, vllm
from lectern.settings.base_model import BaseModelSettings
from lectern.settings.decoding import Decoding
from lectern.tools import export
from lectern.training import adapters
from tests import warm
from tests.settings import configure
from tests.support import go_templates, tiny, todays_models, tuned_repo
from tests.support.running import run

LOOPLESS = configure(Decoding, repetition_penalty=1.15, no_repeat_ngram_size=4)


def test_the_merged_model_answers_as_the_adapter(exported: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = export.read_model(exported)
    folder = exported / "models/export/merged"
    merged = AutoModelForCausalLM.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    chat = [{"role": "user", "content": "What is a seed?"}]
    prompt = tokenizer.apply_chat_template(chat, add_generation_prompt=True)["input_ids"]
    tuned = adapters.load(model.base, model.adapter)
    stop = generation.stop_tokens(tuned, loading.get_tokenizer(model.base), model.base.end_of_turn)
    ours, theirs = (
        generation.answer(each, [prompt], max_new_tokens=16, stop=stop, pad=2, batch_size=1)
        for each in (tuned, merged)
    )
    assert ours == theirs
    assert merged.generation_config.eos_token_id == sorted(stop)
    assert "{% generation" not in (folder / "chat_template.jinja").read_text()


def test_eight_bits_agree_with_the_original_and_a_wrong_model_does_not(exported: Path) -> None:
    found = io.read_plain(exported / "metrics/export.json")
    assert found["q8_0"]["prompts"] == 1
    assert found["q8_0"]["same_tokens"] >= 0.9
    model = export.read_model(exported)
    asked = exporting.ask_original(model, exported / "models/export")
    wrong = [fidelity.Asked(one.messages, one.prompt, [7] * 8, one.ends) for one in asked]
    file = exporting.gguf_file(model, exported / "models/export", "q8_0")
    server = llama_server.start(file, name="x", context=1024, parallel=1)
    assert fidelity.measure(server.listening_address, asked) == found["q8_0"]
    assert fidelity.measure(server.listening_address, wrong)["same_tokens"] < 0.5
    other = [fidelity.Asked(one.messages, [*one.prompt, 1], one.answer, one.ends) for one in asked]
    with pytest.raises(LecternError, match=r"into other tokens than the training did: .* at position"):
        fidelity.measure(server.listening_address, other)
    with pytest.raises(KeyboardInterrupt):  # llama.cpp would take it for itself
        signal.raise_signal(signal.SIGINT)
    del server


def test_a_second_export_makes_nothing_and_a_changed_adapter_makes_all(
    exported: Path, tmp_path: Path
) -> None:
    root = tmp_path / "repo"
    shutil.copytree(exported, root)
    assert run(root).stdout.splitlines()[-1] == "export: models/export: made 0, kept 6"
    stale = root / "models/export/gguf/.making-x"
    stale.mkdir()
    (root / "models/export/gguf/old-q8_0.gguf").touch()
    (root / "models/export/merged/config.json").unlink()
    shutil.rmtree(root / "models/export/merged")  # somebody removed it
    done = run(root)
    assert done.stdout.splitlines()[-1] == "export: models/export: made 1, kept 5"
    assert not stale.exists()
    assert not (root / "models/export/gguf/old-q8_0.gguf").exists()
    assert run(root, "--no-gguf").stdout.splitlines()[-1] == "export: models/export: made 0, kept 2"
    assert run(root).stdout.splitlines()[-1] == "export: models/export: made 0, kept 6", "none was removed"
    kept = json.loads((root / "models/export/manifest.json").read_text())
    gone = {name: "of another adapter" if name.startswith("gguf/") else key for name, key in kept.items()}
    (root / "models/export/manifest.json").write_text(json.dumps(gone))
    run(root, "--no-gguf")
    assert list((root / "models/export/gguf").iterdir()) == []
    assert not (root / "models/export/Modelfile").exists()
    (root / "models/export/Modelfile").touch()  # of an export that the damaged manifest does not tell of
    (root / "models/export/manifest.json").write_text('{"merged": ')
    assert run(root, "--no-gguf").stdout.splitlines()[-1] == "export: models/export: made 2, kept 0"
    assert json.loads((root / "models/export/manifest.json").read_text()).keys() == {"adapter", "merged"}
    assert not (root / "models/export/Modelfile").exists()
    shutil.rmtree(root / "models/adapter")
    said = run(root).stderr
    assert "models/adapter does not exist. `make run` trains it" in said


@pytest.mark.slow
@pytest.mark.parametrize(
    "architecture", ["mistral", "qwen3"]
)  # tiny_phi shares its embeddings, which no Phi does
def test_the_converter_knows_the_families(tmp_path: Path, architecture: str) -> None:
    tuned_repo.make(tmp_path, base_model=f"tiny_{architecture}")
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr
    found = io.read_plain(tmp_path / "metrics/export.json")
    assert found["q8_0"]["same_tokens"] >= 0.9, found


def test_what_the_converter_does_not_know_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", warm.python())
    (tmp_path / "config.json").write_text(
        json.dumps({"architectures": ["UnheardOfForCausalLM"], "model_type": "x"})
    )
    with pytest.raises(LecternError, match=r"cannot write .* as GGUF: .*UnheardOf.*--no-gguf"):
        converter.convert(tmp_path, tmp_path / "out.gguf", "f16")
    (tmp_path / "a.gguf").write_bytes(b"GGUF nonsense")
    with pytest.raises(LecternError, match=r"cannot write a\.gguf in 4 bits"):
        converter.quantize(tmp_path / "a.gguf", tmp_path / "b.gguf")
    assert not (tmp_path / "b.gguf").exists()


def test_the_ollama_template_writes_what_the_chat_template_writes() -> None:
    base = configure(
        BaseModelSettings,
        "smollm2_135m",
        "embedded",
        8192,
        "<|im_end|>",
        "smollm2.jinja",
        package="smollm2_135m",
    )
    tokenizer = loading.get_tokenizer(base)
    text = modelfile.write(
        "a.gguf",
        tokenizer,
        context=8192,
        end_of_turn="<|im_end|>",
        persona='Say """ and {{ x }}.',
        decoding=LOOPLESS,
    )
    template = text.partition('TEMPLATE """')[2].partition('"""')[0]
    chats: list[list[dict[str, str]]] = [
        [{"role": "user", "content": "{{ .System }} <b>"}],
        [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}],
        [
            {"role": "user", "content": "u"},
            {"role": "assistant", "content": "a"},
            {"role": "user", "content": "v"},
        ],
    ]
    for chat in chats:
        ours = tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
        assert go_templates.render(template, chat) == ours
    assert 'SYSTEM """Say \'\'\' and {{ x }}."""' in text
    assert 'PARAMETER stop "<|im_end|>"' in text
    parameters = dict(line.split()[1:] for line in text.splitlines() if line.startswith("PARAMETER"))
    # property: every option is there, because Ollama has a penalty and sampling of its own
    assert parameters == {
        "stop": '"<|im_end|>"',
        "num_ctx": "8192",
        "temperature": "0.0",
        "top_p": "1.0",
        "top_k": "0",
        "min_p": "0.0",
        "repeat_penalty": "1.15",
        "repeat_last_n": "64",
    }
    comments = [line for line in text.splitlines() if line.startswith("# ")][1:]
    assert len(comments) == 2
    assert "counts tokens of the prompt too if they are among the last 64" in comments[0]
    assert "Ollama has no option no_repeat_ngram_size, which is 4" in comments[1]


@pytest.mark.parametrize("name", todays_models.KINDS)
@pytest.mark.parametrize("system", [None, "Be terse."])
def test_ollama_writes_a_model_of_today_as_its_template_does(
    name: str, system: str | None, tokenizer: Any
) -> None:
    own, base = todays_models.get_tokenizer(name, tokenizer), todays_models.shipped(name)
    text = modelfile.write(
        "a.gguf", own, context=512, end_of_turn=base.end_of_turn, persona=None, decoding=LOOPLESS
    )
    assert f"PARAMETER stop {json.dumps(base.end_of_turn)}" in text
    template = text.partition('TEMPLATE """')[2].partition('"""')[0]
    for contents in (["Why?"], ["Why?", "Because.", "And then?", "It ends.", "So?"]):
        chat = [message.model_dump() for message in tiny.chat(*contents, system=system)]
        ours = own.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
        assert go_templates.render(template, chat) == ours


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", sorted({*todays_models.KINDS} - {"phi_4_mini_instruct"})
)  # see docs/tune-and-sweep.md
def test_a_model_of_today_is_exported_with_its_prompts_and_ends(
    name: str, tmp_path: Path, tokenizer: Any
) -> None:
    from transformers import AutoTokenizer, GenerationConfig

    base = todays_models.make(name, tmp_path / "base", tokenizer, lines=False)
    tuned_repo.draw_adapter(tmp_path / "adapter", base)
    asked = [
        tiny.example("What is a seed?", "It fixes the draws.", "Always?", "No.", system="You are Ada."),
        tiny.example("Why?", "Because."),
    ]
    io.write_jsonl(tmp_path / "test.jsonl", asked)
    model = exporting.Model(base, "Be terse.", LOOPLESS, tmp_path / "adapter", tmp_path / "test.jsonl")
    out = tmp_path / "out"
    # the comparison fails where llama.cpp makes other tokens of a prompt
    exporting.export(model, out, gguf=True, metrics=tmp_path / "export.json", say=lambda _: None)
    found = io.read_plain(tmp_path / "export.json")["q8_0"]
    assert found["prompts"] == 2
    # of 64. With random weights the likeliest tokens are nearly equal, and rounding to 8 bits exchanges some of them:
    # without an adapter SmolLM3's are all equal, in 32, 16 and 8 bits.
    assert found["same_tokens"] >= {"smollm3_3b": 0.8}.get(name, 0.9)

    own = loading.get_tokenizer(base)
    stop = {own.convert_tokens_to_ids(base.end_of_turn), own.eos_token_id}
    server = llama_server.start(exporting.gguf_file(model, out, "q8_0"), name="x", context=512, parallel=1)
    for token in stop:
        said = llama_client.post(
            server.listening_address,
            "/completion",
            {"prompt": [5, 6, 7], "n_predict": 4, "temperature": 0, "logit_bias": [[token, 1000.0]]},
            None,
        )
        assert (said["stop_type"], said["content"]) == ("eos", "")
    server.close()
    # vLLM reads the ends from this file, and the template from that one
    beside = vllm.configure(model, out, host="127.0.0.1", port=1)
    served = (
        Path(beside["chat-template"]) if "chat-template" in beside else out / "merged/chat_template.jinja"
    )
    ends = GenerationConfig.from_pretrained(beside.get("generation-config", beside["model"])).eos_token_id
    assert stop <= set(ends)
    assert (
        served.read_text() == own.chat_template == AutoTokenizer.from_pretrained(out / "merged").chat_template
    )


def test_vllm_is_told_what_the_model_is(tuned: Path, tmp_path: Path) -> None:
    model = export.read_model(tuned)
    merged = vllm.configure(model, tmp_path, host="127.0.0.1", port=8000)
    assert merged["model"] == str(tmp_path / "merged")
    assert merged["max-model-len"] == model.base.context_length
    assert merged["max-logprobs"] == 20
    assert json.loads(merged["allowed-origins"]) == [], "no site of a browser reads the answers"
    assert json.loads(merged["override-generation-config"]) == {
        "temperature": 0.0,
        "top_p": 1.0,
        "top_k": 0,
        "min_p": 0.0,
        "repetition_penalty": 1.1,
    }
    hub = {**vars(model.base), "source": "hub", "hub_id": "org/name; touch x", "revision": "a" * 40}
    on_hub = exporting.Model(
        configure(BaseModelSettings, **hub), None, LOOPLESS, tmp_path / "adapter", model.test
    )
    shutil.copytree(model.adapter, on_hub.adapter)
    record = io.read_plain(on_hub.adapter / adapters.RECORD)
    io.write_json(on_hub.adapter / adapters.RECORD, {**record, "base_model": on_hub.base.identity})
    beside: dict[str, Any] = vllm.configure(on_hub, tmp_path, host="127.0.0.1", port=8000)
    assert (beside["model"], beside["revision"]) == ("org/name; touch x", "a" * 40)
    assert (beside["enable-lora"], beside["max-lora-rank"]) == (True, 8)
    # the base model may not name the token that ends a turn, and the merged one does
    assert beside["generation-config"] == str(tmp_path / "merged")
    assert beside["lora-modules"] == [f"lectern-tiny-llama={tmp_path / 'adapter'}"]
    assert json.loads(beside["override-generation-config"])["repetition_penalty"] == 1.15
    file = vllm.write(beside, LOOPLESS, tmp_path)
    assert yaml.safe_load(file.read_text()) == beside
    comments = [line for line in file.read_text().splitlines() if line.startswith("# ")]
    assert len(comments) == 2
    assert "counts the prompt too" in comments[0]
    assert "vLLM has no option no_repeat_ngram_size" in comments[1]
    assert vllm.command(file) == ["vllm", "serve", "--config", str(file)]
    config = io.read_plain(on_hub.adapter / adapters.CONFIG)
    io.write_json(on_hub.adapter / adapters.CONFIG, {**config, "r": 1024})
    with pytest.raises(LecternError, match="rank 1024"):
        vllm.configure(on_hub, tmp_path, host="127.0.0.1", port=8000)
