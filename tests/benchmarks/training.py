"""This project's training beside the plain TRL script and beside litgpt: the same rows, model and hyperparameters.

Run from the root: python -m tests.benchmarks.training [--sets qa dialogue] [--without litgpt] [--quick]
About a quarter of an hour on one idle core; --quick takes an untrained tiny model and about a minute, and its speeds
mean nothing. Each contestant (training_ours.py, training_trl.py, training_litgpt.py) is a process of its own, one after
the other, on one core with one thread. litgpt has an environment of its own, .venv-litgpt, made here of
requirements-litgpt.txt when it is missing. The rows are those of training_rows.py.

For each it prints useful tokens (no padding) by the seconds from the first forward pass to the last optimizer step, the
share of padding in what was computed, the most memory in that time, on what the seconds went, and the loss on held-out
rows: nats for each trained token, after the same number of useful tokens, by one evaluator for all,
`lectern.models.likelihood`, on the adapter or on litgpt's merged weights, converted back by litgpt. "CPU" is the share
of a core that it had: much below 1, the machine was not idle.

fp32 is set for all, since bf16, TRL's default, takes several times as long on a CPU without instructions for it. Where
a CPU has them (`lscpu` shows avx512_bf16 or amx_bf16), `--also trl-bf16` lets the plain script run again as it comes.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from lectern.settings.base_model import BaseModelSettings
from tests.benchmarks.training_clock import PHASES
from tests.benchmarks.training_task import Task, write_task
from tests.settings import configure

ROOT = Path(__file__).parents[2]
CONTESTANTS = ("ours", "trl", "litgpt", "trl-bf16")
USUAL = CONTESTANTS[:3]
SETS = {"qa": "question-answer rows", "dialogue": "rows of dialogues"}
COUNTS = {"qa": (40, 12), "dialogue": (24, 6)}
"""rows to train on and held-out rows"""
QUICK_COUNTS = {"qa": (16, 2), "dialogue": (16, 2)}
REQUIREMENTS = (ROOT / "requirements-torch.txt", Path(__file__).with_name("requirements-litgpt.txt"))
EQUAL = """\
equal for all: the rows' tokens and which of them are trained, the weights, fp32, LoRA (rank {r}, alpha {alpha}, no
  dropout) on all seven kinds of linear layers, AdamW without weight decay, learning rate {learning_rate:g} after
  {warmup_steps} step of warm-up, then a cosine to 0, {step_rows} rows in an optimizer step (TRL's default batch),
  {epochs} pass over the rows, seed {seed}, no clipping of gradients (litgpt has none), no evaluation, checkpoint or
  tracker before the last step.
each its own: micro-batches (ours as in conf/train/lora.yaml, TRL 8 rows padded to the longest, litgpt 1 row), their
  order, the first weights of the adapter (of the same distribution), gradient checkpointing (TRL's default), the head,
  AdamW fused (TRL) or not; litgpt weighs each micro-batch the same, the others each trained token."""


def get_base(quick: bool) -> dict[str, Any]:
    """Section `base_model`: the embedded default, or the tiny one."""
    from omegaconf import OmegaConf

    name = "tiny_llama" if quick else "smollm2_135m"
    section = OmegaConf.to_container(OmegaConf.load(ROOT / f"conf/base_model/{name}.yaml"))
    assert isinstance(section, dict)
    return {str(key): value for key, value in section.items()}


def save_model(base: Any, folder: Path) -> None:
    """Model and tokenizer as transformers saves them, for those who load them by themselves."""
    from lectern.models import loading

    loading.get_model(base).save_pretrained(folder)
    loading.get_tokenizer(base).save_pretrained(folder)


def prepare_litgpt(folder: Path) -> Path:
    """The python of litgpt's environment, which is made when its requirements are not those that it was made of."""
    wanted = "".join(file.read_text(encoding="utf-8") for file in REQUIREMENTS)
    stamp, python = folder / "requirements.txt", folder / "bin" / "python"
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
        print(f"making {folder.name}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        asked = [part for file in REQUIREMENTS for part in ("-r", str(file))]
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *asked]
        subprocess.run(install, check=True)
        stamp.write_text(wanted, encoding="utf-8")
    return python


def run_contestant(name: str, python: Path, task: Task) -> dict[str, Any]:
    """Train in a process of its own; its result.json, and the seconds of the whole process."""
    out = Path(task.out)
    write_task(task, out / "task.json")
    command = [str(python), "-m", f"tests.benchmarks.training_{name.split('-')[0]}", str(out / "task.json")]
    began = time.perf_counter()
    with (out / "log.txt").open("w") as log:
        done = subprocess.run(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        tail = "\n".join((out / "log.txt").read_text(errors="replace").splitlines()[-30:])
        raise SystemExit(f"{name} failed:\n{tail}")
    result: dict[str, Any] = json.loads((out / "result.json").read_text())
    return result | {"process_seconds": time.perf_counter() - began}


def score(base: Any, validation: list[Any], result: dict[str, Any] | None) -> float:
    """Nats for each trained token of the held-out rows; of the base model where there is no result."""
    import torch
    from peft import PeftModel

    from lectern.models import likelihood, loading

    model = loading.get_model(base)
    if result and result["adapter"]:
        model = PeftModel.from_pretrained(model, result["adapter"])
    elif result:
        model.load_state_dict(torch.load(result["weights"], map_location="cpu"))
    scored = likelihood.negative_log_likelihoods(
        model,
        [(row.input_ids, row.assistant_masks) for row in validation],
        pad=loading.get_tokenizer(base).pad_token_id,
        batch_size=1,
    )
    return sum(nll for nll, _ in scored) / sum(tokens for _, tokens in scored)


def compare(
    kind: str, counts: tuple[int, int], base: Any, pythons: dict[str, Path], work: Path
) -> dict[str, Any]:
    """All contestants on one set of rows."""
    from lectern.core import io
    from lectern.models import chat_format, loading
    from tests.benchmarks.training_rows import make_rows

    tokenizer = loading.get_tokenizer(base)
    made = make_rows(
        kind, sum(counts), tokenizer, chat_format.training_template(tokenizer, base.chat_template)
    )
    rows, validation = made[: counts[0]], made[counts[0] :]
    file = work / f"{kind}.jsonl"
    io.write_jsonl(file, rows)
    results = {}
    for name, python in pythons.items():
        print(f"{kind}: {name} ...", file=sys.stderr)
        out = work / kind / name
        shutil.rmtree(out, ignore_errors=True)
        task = make_task(base, work / "model", file, out)
        precision = "bf16" if name.endswith("bf16") else "fp32"
        results[name] = run_contestant(name, python, replace(task, precision=precision))
    for result in results.values():
        result["loss"] = score(base, validation, result)
    return {
        "rows": len(rows),
        "tokens": sum(len(row.input_ids) for row in rows),
        "trained": sum(sum(row.assistant_masks) for row in rows),
        "validation_rows": len(validation),
        "validation_trained": sum(sum(row.assistant_masks) for row in validation),
        "loss_before": score(base, validation, None),
        "results": results,
    }


def make_task(base: Any, model: Path, rows: Path, out: Path) -> Task:
    """The hyperparameters: those of conf/train/lora.yaml that all can have, and TRL's default batch."""
    from dataclasses import asdict

    return Task(
        model=str(model),
        base=asdict(base),
        rows=str(rows),
        out=str(out),
        r=8,
        alpha=16,
        learning_rate=5e-4,
        warmup_steps=1,
        epochs=1,
        step_rows=8,
        seed=0,
    )


def show(kind: str, found: dict[str, Any]) -> None:
    """Print the tables of one set and the ratios."""
    results = found["results"]
    print(
        f"\n{SETS[kind]}: {found['rows']} with {found['tokens']} tokens, {found['trained']} of them trained; held out "
        f"{found['validation_rows']} with {found['validation_trained']} trained tokens, before with a "
        f"loss of {found['loss_before']:.4f}"
    )
    print("         tokens/s  trained/s  padding  steps  seconds   CPU  process s  peak MB    loss")
    for name, r in results.items():
        print(
            f"{name:<8} {r['tokens'] / r['seconds']:8.1f} {found['trained'] / r['seconds']:10.1f} "
            f"{1 - r['tokens'] / r['positions']:8.1%} {r['steps']:6} {r['seconds']:8.1f} "
            f"{r['cpu_seconds'] / r['seconds']:5.2f} {r['process_seconds']:10.1f} {r['peak_mb']:8.0f} {r['loss']:7.4f}"
        )
    print("CPU milliseconds for each useful token" + "".join(f"{name:>9}" for name in results))
    for phase in PHASES:
        parts = (1000 * r["phases"][phase] / r["tokens"] for r in results.values())
        print(f"  {phase:<36}" + "".join(f"{part:9.2f}" for part in parts))
    for name in [name for name in results if name != "ours" and "ours" in results]:
        ours, other = results["ours"], results[name]
        wall, cpu = (other[key] / ours[key] for key in ("seconds", "cpu_seconds"))
        print(f"ours is {wall:.2f} times as fast as {name} ({cpu:.2f} by CPU seconds)")
    if len({(r["tokens"], r["steps"]) for r in results.values()}) > 1:
        print("NOT the same number of useful tokens or steps: the losses cannot be compared")


def take_core(core: int | None) -> None:
    """Hold this process, and so all that it starts, to one core and one thread."""
    os.environ |= {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "TOKENIZERS_PARALLELISM": "false"}
    os.environ |= {"HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0)) if core is None else core})


def count(kind: str, given: argparse.Namespace) -> tuple[int, int]:
    """Rows to train on, a multiple of those in a step (litgpt leaves what remains), and held-out rows."""
    rows, held_out = (QUICK_COUNTS if given.quick else COUNTS)[kind]
    return given.rows or rows, given.held_out or held_out


def main(given: argparse.Namespace) -> None:
    """Prepare, let each contestant train, and print."""
    take_core(given.core)
    chosen = [name for name in CONTESTANTS if name in (*USUAL, *given.also) and name not in given.without]
    pythons = {name: Path(sys.executable) for name in chosen}
    if "litgpt" in pythons:
        pythons["litgpt"] = prepare_litgpt(given.litgpt)

    base = configure(BaseModelSettings, **get_base(given.quick))
    print(f"{base.name}, one core, one thread{' (quick: the speeds mean nothing)' if given.quick else ''}")
    with tempfile.TemporaryDirectory() as scratch:
        work = given.work or Path(scratch)
        save_model(base, work / "model")
        task = replace(make_task(base, work, work, work), base={})
        print(EQUAL.format(**vars(task)))
        found = {kind: compare(kind, count(kind, given), base, pythons, work) for kind in given.sets}
        for kind, figures in found.items():
            show(kind, figures)
        if given.json:
            given.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--without", nargs="*", choices=CONTESTANTS, default=[])
    parser.add_argument("--also", nargs="*", choices=CONTESTANTS[3:], default=[])
    parser.add_argument("--quick", action="store_true", help="an untrained tiny model, to see that it works")
    parser.add_argument("--rows", type=int, help="to train on: a multiple of 8, 16 at least")
    parser.add_argument("--held-out", type=int, help="rows to score")
    parser.add_argument("--core", type=int, help="number of the core; the last one where it is not given")
    parser.add_argument("--litgpt", type=Path, default=ROOT / ".venv-litgpt", help="its environment")
    parser.add_argument("--work", type=Path, help="folder to keep what is trained, and the logs")
    parser.add_argument("--json", type=Path, help="file for all figures")
    main(parser.parse_args())
