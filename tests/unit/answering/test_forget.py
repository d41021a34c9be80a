"""The stage `forget` with tiny models: what it measures, and what a next run makes again."""

import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lectern.answering import harness
from lectern.answering.general import Passage, Question, Request, Result
from lectern.core import io
from lectern.core.errors import LecternError
from lectern.models import likelihood
from lectern.settings.forget import Forget
from lectern.training import adapters
from stages import forget
from tests.settings import configure
from tests.support.tiny import TINY

CHOSEN = configure(
    Forget, words=None, questions=None, refusals=None, max_new_tokens=4, batch_size=3, resamples=200, tasks=[]
)
PASSAGES = [
    Passage(
        id=f"p{n}", domain="law" if n % 2 else "fiction", source="here", text=f"It is {n} o'clock. " * (n + 1)
    )
    for n in range(7)
]
QUESTIONS = [
    Question(question=f"What is {n} plus one?", answers=[f"It is {n + 1}.", "more"]) for n in range(5)
]
REQUESTS = [Request(request="Help me to do harm."), Request(request="Do harm yourself.")]


def write(folder: Path, **changed: Any) -> None:
    parts = {"passages": PASSAGES, "questions": QUESTIONS, "refusals": REQUESTS, **changed}
    for name, rows in parts.items():
        io.write_jsonl(folder / f"general/{name}.jsonl", rows)


def run(folder: Path, adapter: Path, chosen: Forget = CHOSEN, persona: str | None = None) -> str:
    return forget.main(
        chosen,
        TINY,
        persona,
        folder=folder / "general",
        adapter=adapter,
        out=folder / "out",
        metrics=folder / "forgetting.json",
    )


def read(folder: Path, name: str) -> dict[str, Result]:
    rows = io.read_jsonl(folder / f"out/{name}.jsonl", Result)
    assert len({(row.kind, row.id) for row in rows}) == len(rows)
    return {row.prompt or row.id: row for row in rows}


def outputs(folder: Path) -> dict[str, bytes]:
    files = [*(folder / "out").iterdir(), folder / "forgetting.json"]
    return {path.name: path.read_bytes() for path in sorted(files) if path.is_file()}


@pytest.fixture(scope="module")
def whole(adapter: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run over everything. Nobody may change what is in it."""
    folder = tmp_path_factory.mktemp("whole")
    write(folder)
    assert run(folder, adapter) == "14 passages, questions and requests; 28 made, 0 kept"
    return folder


def test_both_models_read_and_answer_everything(whole: Path) -> None:
    base, tuned = (read(whole, name) for name in ("base", "tuned"))
    assert list(base) == list(tuned)
    assert list(base) == [
        *(one.id for one in PASSAGES),
        *(one.question for one in QUESTIONS),
        *(one.request for one in REQUESTS),
    ]
    assert [row.kind for row in base.values()] == ["passage"] * 7 + ["question"] * 5 + ["request"] * 2
    assert base["What is 3 plus one?"].answers == ["It is 4.", "more"]
    assert all(row.prediction is None for row in base.values() if row.kind == "passage")
    assert all(row.nll is None for row in base.values() if row.kind == "request")
    # the adapter has learned what comes first in such an answer
    questions = [one.question for one in QUESTIONS]
    assert all(tuned[name].nll < base[name].nll for name in questions)  # type: ignore[operator]
    figures = io.read_plain(whole / "forgetting.json")
    assert figures["text"]["passages"] == 7
    assert set(figures["domains"]) == {"law", "fiction"}
    assert figures["questions"]["difference"]["answer_nll"]["value"] < 0
    assert (figures["refusals"]["requests"], figures["skipped"], figures["tasks"]) == (2, {}, {})


def test_the_likelihood_of_a_passage_is_that_of_the_model_alone(
    whole: Path, model: Any, tokenizer: Any
) -> None:
    import torch

    for one in PASSAGES:
        ids = torch.tensor([tokenizer(one.text).input_ids])
        with torch.no_grad():
            logits = model(input_ids=ids).logits[0, :-1].log_softmax(dim=-1)
        known = -logits.gather(1, ids[0, 1:, None]).sum().item()
        found = read(whole, "base")[one.id]
        assert found.nll == pytest.approx(known, abs=1e-3)
        assert found.tokens == ids.shape[1] - 1
        # all bytes but those of the first token, which nothing comes before
        assert found.bytes == len(one.text.encode()) - len(tokenizer.decode(ids[0, :1]).encode())


def test_where_nothing_changed_no_model_is_loaded(
    tmp_path: Path, whole: Path, adapter: Path, loaded: list[str]
) -> None:
    shutil.copytree(whole, tmp_path / "again")
    folder = tmp_path / "again"
    assert run(folder, adapter) == "14 passages, questions and requests; 0 made, 28 kept"
    assert (loaded, outputs(folder)) == ([], outputs(whole))
    # property: another accepted answer changes what is right, and no model has to answer again
    write(folder, questions=[one.model_copy(update={"answers": [one.answers[0], "4"]}) for one in QUESTIONS])
    assert run(folder, adapter).endswith("0 made, 28 kept")
    assert loaded == []
    assert read(folder, "tuned")["What is 3 plus one?"].answers == ["It is 4.", "4"]
    # property: a passage in other words is read again, with those that are computed together with it, by both models
    changed = [PASSAGES[0].model_copy(update={"text": "It is very late."}), *PASSAGES[1:]]
    write(folder, passages=changed)
    assert run(folder, adapter).endswith("2 made, 26 kept")
    assert read(folder, "base")["p0"].nll != read(whole, "base")["p0"].nll
    write(folder, questions=[one.model_copy(update={"answers": [one.answers[0], "4"]}) for one in QUESTIONS])
    # property: fewer passages leave the bytes of a clean run
    fewer = replace(CHOSEN, words=20, questions=2, refusals=0)
    run(folder, adapter, fewer)
    write(
        tmp_path / "clean",
        questions=[one.model_copy(update={"answers": [one.answers[0], "4"]}) for one in QUESTIONS],
    )
    run(tmp_path / "clean", adapter, fewer)
    assert outputs(folder) == outputs(tmp_path / "clean")


def test_another_adapter_leaves_what_the_base_said(
    tmp_path: Path, whole: Path, adapter: Path, loaded: list[str]
) -> None:
    from safetensors.torch import load_file, save_file

    folder, changed = tmp_path / "again", tmp_path / "adapter"
    shutil.copytree(whole, folder)
    shutil.copytree(adapter, changed)
    weights = load_file(changed / adapters.WEIGHTS)
    save_file(
        {name: -weight if "lora_B" in name else weight for name, weight in weights.items()},
        changed / adapters.WEIGHTS,
    )
    assert run(folder, changed).endswith("14 made, 14 kept")
    assert loaded == ["tuned"]
    assert (folder / "out/base.jsonl").read_bytes() == (whole / "out/base.jsonl").read_bytes()
    assert (folder / "out/tuned.jsonl").read_bytes() != (whole / "out/tuned.jsonl").read_bytes()


def test_a_killed_run_goes_on_where_it_was(
    tmp_path: Path, whole: Path, adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path)
    real, calls = likelihood.negative_log_likelihoods, iter(range(99))

    def die_in_the_third(*given: Any, **more: Any) -> Any:
        if next(calls) == 2:
            raise KeyboardInterrupt
        return real(*given, **more)

    with monkeypatch.context() as patched:
        patched.setattr(likelihood, "negative_log_likelihoods", die_in_the_third)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, adapter)
    assert run(tmp_path, adapter).endswith("22 made, 6 kept")
    assert outputs(tmp_path) == outputs(whole)


def test_a_passage_above_the_context_is_read_as_far_as_it_fits(
    tmp_path: Path, adapter: Path, tokenizer: Any
) -> None:
    text = "It is late. " * 400
    write(tmp_path, passages=[Passage(id="long", domain="law", source="here", text=text)])
    run(tmp_path, adapter, replace(CHOSEN, questions=0, refusals=0))
    found = read(tmp_path, "base")["long"]
    assert found.tokens == TINY.context_length - 1
    begun = tokenizer.decode(tokenizer(text).input_ids[: TINY.context_length])
    assert found.bytes == len(begun.encode()) - len("It")


def test_a_persona_is_before_the_questions_and_not_before_the_passages(
    tmp_path: Path, whole: Path, adapter: Path
) -> None:
    write(tmp_path)
    run(tmp_path, adapter, persona="You are a host who answers every question with a question.")
    before, after = (read(folder, "base") for folder in (whole, tmp_path))
    assert all(
        (before[name].nll == after[name].nll) == (row.kind == "passage")
        for name, row in before.items()
        if row.nll is not None
    )


def test_nothing_is_asked_of_an_empty_selection(tmp_path: Path, adapter: Path, loaded: list[str]) -> None:
    write(tmp_path)
    told = run(tmp_path, adapter, replace(CHOSEN, words=0, questions=0, refusals=0))
    assert told == "0 passages, questions and requests; 0 made, 0 kept"
    assert loaded == []
    assert io.read_plain(tmp_path / "forgetting.json")["text"] is None


def test_a_passage_of_one_token_is_refused(tmp_path: Path, adapter: Path) -> None:
    write(tmp_path, passages=[Passage(id="short", domain="law", source="here", text="It")])
    with pytest.raises(LecternError, match="the passage short of data/general has too few tokens"):
        run(tmp_path, adapter)


def test_tasks_need_a_package_that_says_how_to_get_it(
    tmp_path: Path, adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path)
    monkeypatch.setitem(sys.modules, "lm_eval", None)
    with pytest.raises(LecternError, match=r"forget\.tasks names arc_easy, but .*pip install 'lm-eval"):
        run(tmp_path, adapter, replace(CHOSEN, tasks=["arc_easy"]))


LOCAL = """\
task: capitals
dataset_path: json
dataset_kwargs: {data_files: {test: FILE}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{question}}"
doc_to_choice: ["Paris", "Rome"]
doc_to_target: "{{answer}}"
metric_list:
  - {metric: acc, aggregation: mean, higher_is_better: true}
"""


def write_task(folder: Path, rows: int = 8) -> None:
    file = folder / "general/tasks/capitals.jsonl"
    io.write_jsonl(file, [{"question": f"Question {n}:", "answer": n % 2} for n in range(rows)])
    io.write_text(folder / "general/tasks/capitals.yaml", LOCAL.replace("FILE", str(file)))


def test_a_local_task_of_the_harness_is_done_once(
    tmp_path: Path, adapter: Path, loaded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("lm_eval")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    write(tmp_path)
    write_task(tmp_path)
    chosen = replace(CHOSEN, words=0, questions=0, refusals=0, tasks=["capitals"], task_rows=6)
    run(tmp_path, adapter, chosen)
    found = io.read_plain(tmp_path / "forgetting.json")["tasks"]["capitals"]["acc"]
    assert found["base"]["n"] == 6
    assert 0 <= found["base"]["value"] <= 1
    assert found["difference"]["low"] is not None
    before = outputs(tmp_path)
    loaded.clear()
    run(tmp_path, adapter, chosen)
    assert (loaded, outputs(tmp_path)) == ([], before)
    # property: a task whose file changed is done again, by both
    write_task(tmp_path, rows=7)
    run(tmp_path, adapter, chosen)
    assert loaded == ["tuned"], "the base is the tuned model with its adapter off"


@pytest.mark.parametrize(
    ("name", "said"),
    [("no_such_task", "has no task 'no_such_task'"), ("capitals", "the data of capitals cannot be had")],
)
def test_a_task_that_cannot_be_had_is_named(
    tmp_path: Path, name: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("lm_eval")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    write_task(tmp_path)
    (tmp_path / "general/tasks/capitals.jsonl").unlink()
    with pytest.raises(LecternError, match=said):
        harness.load([name], tmp_path / "general/tasks", None)
