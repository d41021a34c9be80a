"""A repository of git and DVC in which a run was committed, and others to be committed beside it; nothing ran."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from lectern.core import io, runtime
from lectern.core.schema import Decision, Example, Message, Prediction, Provenance
from lectern.evaluation import summary
from lectern.evaluation.rows import AnswerScore, RowScore
from tests import warm

PIPELINE = {
    "stages": {
        "fetch": {"cmd": "true", "outs": ["data/raw"]},
        "curate": {"cmd": "true", "outs": ["data/curated.jsonl", "data/curation_decisions.jsonl"]},
        "split": {"cmd": "true", "outs": ["data/splits"], "metrics": [{"metrics/leakage.json": {"cache": False}}]},
        "generate": {"cmd": "true", "outs": ["data/predictions"]},
        "score": {"cmd": "true", "outs": ["data/scores.jsonl"], "metrics": [{"metrics/scores.json": {"cache": False}}]},
    }
}  # fmt: skip
SPLITS = ("train", "validation", "test")


def call(root: Path, *command: str) -> str:
    environment = warm.environment(DVC_NO_ANALYTICS="1")
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def start(root: Path) -> None:
    """An empty repository with a pipeline."""
    root.mkdir(parents=True)
    call(root, "git", "init", "-q", "-b", "main")
    for key, value in (("user.name", "Test"), ("user.email", "test@example.org")):
        call(root, "git", "config", key, value)
    call(root, "dvc", "init", "-q")
    (root / "dvc.yaml").write_text(yaml.safe_dump(PIPELINE))
    (root / ".gitignore").write_text("metrics/runtime/\n")


def commit(root: Path, message: str) -> None:
    """Let DVC take what lies there as the outputs, and git the rest."""
    call(root, "dvc", "commit", "-q", "-f")
    call(root, "git", "add", "-A")
    call(root, "git", "commit", "-qm", message)


def example(question: str, item: str) -> Example:
    answer = f"The answer to {question}"
    messages = [Message(role="user", content=question), Message(role="assistant", content=answer)]
    return Example.of(messages, Provenance(item=item, start=12.0, method="made_up"))


def write_run(
    root: Path,
    *,
    questions: Sequence[str],
    nll: Mapping[str, float] | float = 4.0,
    base_nll: float = 5.0,
    rouge: float = 0.2,
    words: str = "Some words of the tuned model",
    item: str = "talk",
    items: Sequence[str] = ("talk",),
    learning_rate: float = 0.0002,
    dropped: Sequence[tuple[str, str]] = (),
    tokens: int = 10,
    seconds: float = 100.0,
) -> None:
    """Write a run: its held-out `questions`, of `nll` nats per token each, and other files to be compared.

    Args:
        root: the repository.
        questions: held out; each is a row of `item`.
        nll: of the tuned model, for all or by question.
        base_nll: of the base.
        rouge: ROUGE-L of the tuned model's answers.
        words: what the tuned model answers.
        item: where the rows come from.
        items: what was fetched.
        learning_rate: in params.yaml.
        dropped: rows that curation left out: question and reason.
        tokens: of each reference.
        seconds: that the stage `score` took.
    """
    rows = [example(question, item) for question in questions]
    by_question = nll if isinstance(nll, Mapping) else dict.fromkeys(questions, nll)
    scores = [
        RowScore(
            id=row.id,
            set="held_out",
            item=item,
            reference_words=8,
            reference_bytes=40,
            answers={
                "base": answer_score(base_nll, 0.1, tokens),
                "tuned": answer_score(by_question[question], rouge, tokens),
            },
        )
        for row, question in zip(rows, questions, strict=True)
    ]
    io.write_jsonl(root / "data/scores.jsonl", scores)
    summarised = summary.summarise(scores, seed=0, resamples=500, confidence=0.95)
    io.write_json(root / "metrics/scores.json", summarised)
    for name in ("base", "tuned"):
        said = [predict(row, words if name == "tuned" else "Words of the base") for row in rows]
        io.write_jsonl(root / f"data/predictions/{name}.jsonl", said)
    for split in SPLITS:
        kept = rows if split == "test" else [example(f"{split} question?", item)]
        io.write_jsonl(root / f"data/splits/{split}.jsonl", kept)
    left_out = [decide(example(question, item), reason) for question, reason in dropped]
    io.write_jsonl(
        root / "data/curation_decisions.jsonl", [*(decide(row, "kept") for row in rows), *left_out]
    )
    io.write_jsonl(root / "data/curated.jsonl", rows)
    fetched = {name: {"file": name, "key": "0", "sha256": "1", "facts": {}} for name in items}
    io.write_json(root / "data/raw/_manifest.json", {"items": fetched})
    io.write_json(
        root / "metrics/leakage.json", {"rows": {"test": len(rows)}, "by_item": {item: {"rows": 3}}}
    )
    (root / "params.yaml").write_text(f"train:\n  learning_rate: {learning_rate}\n  epochs: 3\n")
    took = {"seconds": seconds, "cpu_seconds": 2 * seconds, "peak_memory_mb": 700}
    runtime.write(root / runtime.FOLDER, "score", took, root)


def answer_score(nll: float, rouge: float, tokens: int) -> AnswerScore:
    return AnswerScore(
        rouge1=rouge, rouge2=rouge, rougeL=rouge, nll=nll * tokens, tokens=tokens, words=6, distinct1=1.0,
        distinct2=1.0, fourgrams=3, repeated_fourgrams=0, copied_words=0, longest_copy=0, finished=True,
    )  # fmt: skip


def predict(row: Example, text: str) -> Prediction:
    return Prediction(
        id=row.id, set="held_out", messages=row.messages[:-1], reference=row.messages[-1].content, prediction=text,
        finished=True, nll=40.0, tokens=10, provenance=row.provenance,
    )  # fmt: skip


def decide(row: Example, reason: str) -> Decision:
    outcome: Any = "kept" if reason == "kept" else "dropped"
    where = row.provenance
    return Decision(
        id=row.id, item=where.item, start=where.start, page=None, method=where.method, outcome=outcome, reason=reason
    )  # fmt: skip


def read(root: Path, path: str) -> Any:
    return json.loads((root / path).read_text(encoding="utf-8"))
