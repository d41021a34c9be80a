"""A finished run that never ran: metrics, predictions, scores and judgements, made by code."""

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lectern.core import io
from lectern.core.manifest import MANIFEST
from lectern.core.schema import (
    Conversation,
    Episode,
    EpisodeTurn,
    Example,
    Message,
    PairJudgement,
    Prediction,
    Provenance,
    RubricJudgement,
    Utterance,
    Word,
    example_id,
)
from lectern.evaluation import knowledge, summary
from lectern.evaluation.rows import AnswerScore, LikenessRank, RowScore

QUESTIONS = [
    (
        "Why should I fix the random seed?",
        "Because otherwise two runs differ and you cannot tell a change from luck. "
        "Fix it, write it down, and run three of them.",
    ),
    (
        "Where do checkpoints belong?",
        "Outside the results, in a directory named by what made them. A checkpoint under another name is a trap.",
    ),
    (
        "What is a baseline for?",
        "It tells you what your work is worth. Start with the simplest thing that could work and measure that first.",
    ),
    (
        "How often should I look at the data?",
        "Before each experiment. Read fifty rows aloud; you will find a mistake every time.",
    ),
    (
        "Is one test set enough?",
        "For a while. Once you have chosen ten models on it, it is a validation set.",
    ),
    (
        "How do I version a data set?",
        "By its content. Hash the files, keep the hash in git and the files somewhere else.",
    ),
    (
        "What belongs in a log line?",
        "The step, the loss and the speed. Anything more hides what you need to see.",
    ),
    (
        "When should I stop a run?",
        "When the validation loss has not improved for as long as it took to get there.",
    ),
    ("Does the order of rows matter?", "It does. Shuffle with a seed, and shuffle again in each epoch."),
    (
        "Why are my two runs different?",
        "Look at the libraries first. A new version changes kernels, and kernels change the last bits.",
    ),
    (
        "What should I do before I rent a machine?",
        "Run the whole thing on ten rows at home. Most mistakes cost nothing there.",
    ),
]

MARKUP = (
    '<script>alert(1)</script> <img src=x onerror="alert(2)"> {{ 7 * 7 }} {% raw %} ../../etc </style></pre>'
)
"""What somebody could write into a title, an answer or a name."""
EVAL = "talks"
TOO_LITTLE = "There are 90 words of the speaker, which is too little."
"""Why likeness was not measured."""


@dataclasses.dataclass(frozen=True)
class Run:
    """What kind of run it was."""

    rows: int = 11
    gain: float = 0.3
    """how much less likely the base finds a token, in nats"""
    recordings: int = 2
    hostile: bool = False
    """markup in whatever others wrote"""
    judge: str | None = None
    """`trusted`, `random` (agrees with nobody) or `new` (never compared)"""
    comparators: tuple[str, ...] = ()
    evals: int = 0
    """questions of an evaluation set"""
    dialogues: int = 0
    episodes: int = 0
    cleaned: bool = False

    @property
    def contestants(self) -> tuple[str, ...]:
        return ("base", "tuned", *self.comparators)

    @property
    def eval_name(self) -> str:
        return f"talks {MARKUP}" if self.hostile else EVAL


EVERYTHING = Run(
    rows=24,
    gain=0.7,
    judge="random",
    comparators=("before", "qwen"),
    evals=8,
    dialogues=6,
    episodes=4,
    cleaned=True,
)


def make(root: Path, run: Run = Run()) -> None:
    """Write metrics/, data/ and params.yaml into `root`."""
    answers = {name: _predict(run, name) for name in run.contestants}
    for name, rows in answers.items():
        io.write_jsonl(root / f"data/predictions/{name}.jsonl", rows)
    scores = [
        _score_row([answers[name][i] for name in answers], run.contestants, run.cleaned)
        for i in range(len(answers["base"]))
    ]
    io.write_jsonl(root / "data/scores.jsonl", scores)
    io.write_json(
        root / "metrics/scores.json", summary.summarise(scores, seed=0, resamples=300, confidence=0.95)
    )
    write_optional(root)
    write_judge(root, run, answers["base"])
    write_episodes(root, run)
    write_knowledge(root, run, scores)
    write_likeness(root, run, answers["tuned"])
    write_conversations(root, run)
    parameters = "train:\n  learning_rate: 0.0002\n  epochs: 3\nsplit:\n  seed: 0\n"
    (root / "params.yaml").write_text(
        parameters + ("  note: </pre><script>alert(4)</script>\n" if run.hostile else "")
    )


def write_curve(root: Path, name: str, values: dict[int, float]) -> None:
    """As DVCLive does."""
    lines = [f"step\t{name}", *(f"{step}\t{value:.4f}" for step, value in values.items())]
    io.write_text(root / f"metrics/train/plots/metrics/{name}.tsv", "\n".join(lines) + "\n")


def write_optional(root: Path) -> None:
    """The metrics that a report can do without."""
    train = {
        step: 1.7 + 1.1 * 0.95**step + 0.03 * ((step * step * 7919) % 11 - 5) / 5 for step in range(1, 61)
    }
    write_curve(root, "train_loss", train)
    write_curve(
        root,
        "validation_loss",
        {step: 1.9 + 0.85 * 0.94**step for step in train if step % 10 == 0 or step == 1},
    )
    io.write_json(
        root / "metrics/examples.json",
        {
            "items": 10,
            "rows": 61,
            "by_method": {
                "description_questions": {"rows": 51, "dropped": {}},
                "dialogue": {"rows": 10, "dropped": {}},
            },
            "dropped": {"no_answer": 3, "short_answer": 1, "no_questions": 1},
        },
    )
    io.write_json(
        root / "metrics/curation.json",
        {
            "rows_in": 67,
            "rows_out": 57,
            "items_in": 26,
            "items_out": 25,
            "dropped": {"exact_duplicate": 1, "near_duplicate": 3, "low_rating": 4, "rejected": 2},
            "by_method": {
                "description_questions": {
                    "in": 51,
                    "out": 47,
                    "dropped": {"exact_duplicate": 1, "near_duplicate": 3},
                },
                "dialogue": {"in": 10, "out": 8, "dropped": {"rejected": 2}},
                "qa": {"in": 6, "out": 2, "dropped": {"low_rating": 4}},
            },
            "by_item": {
                "guide <b>": {"in": 6, "out": 2, "dropped": {"low_rating": 4}},
                "talk-01-notes": {"in": 11, "out": 9, "dropped": {"rejected": 2}},
                **{f"talk-{i:02}": {"in": 2, "out": 2, "dropped": {}} for i in range(2, 24)},
                "talk-24": {"in": 3, "out": 2, "dropped": {"exact_duplicate": 1}},
                "talk-25": {"in": 3, "out": 0, "dropped": {"near_duplicate": 3}},
            },
            "corrections": {"accept": 1, "edit": 0, "reject": 2, "unmatched": ["0011223344556677"]},
            "ratings": {"rated": 5, "failed": 1, "not_asked": 61},
        },
    )
    io.write_json(
        root / "metrics/leakage.json",
        {
            "rows": {"train": 38, "validation": 8, "test": 11},
            "items": {"train": 7, "validation": 1, "test": 2},
            "dropped": {"train": 0, "validation": 0, "test": 0},
            "leaks_total": 0,
        },
    )
    part = {
        "rows": 38,
        "tokens": 5210,
        "trained_tokens": 2950,
        "longest": 480,
        "examples_divided": 1,
        "chunks": 3,
        "dropped_too_long": 0,
    }
    io.write_json(
        root / "metrics/preflight.json",
        {
            "checks_passed": 7,
            "train": part,
            "validation": part | {"rows": 7, "examples_divided": 0, "chunks": 0, "dropped_too_long": 1},
            "test": part | {"rows": 11, "examples_divided": 0, "chunks": 0},
        },
    )
    io.write_json(
        root / "metrics/speech.json",
        {
            "items": 10,
            "words": 2410,
            "wer": {"value": 0.082, "low": 0.061, "high": 0.107},
            "der": {"value": 0.024, "low": 0.012, "high": 0.041},
            "word_speaker_accuracy": {"value": 0.981, "low": 0.963, "high": 0.992},
        },
    )


def _predict(run: Run, name: str) -> list[Prediction]:
    """In order of set and id, as `generate` writes them."""
    made = [_prediction(run, name, i, "held_out") for i in range(run.rows)]
    made += [_prediction(run, name, i, "dialogues") for i in range(run.dialogues)]
    made += [_prediction(run, name, i, run.eval_name) for i in range(run.evals)]
    return sorted(made, key=lambda row: (row.set, row.id))


def _prediction(run: Run, name: str, i: int, of: str) -> Prediction:
    question, reference = QUESTIONS[i % len(QUESTIONS)]
    question += f" ({i})" if i >= len(QUESTIONS) else ""
    item = f"talk-{1 + i % run.recordings:02}-notes"
    url: str | None = f"https://example.org/talks/{item}?t={12 * i}"
    page = None
    if i % 5 == 4:
        url, page = f"https://example.org/guide.pdf#page={i}", i
    tokens = 20 + 3 * (i % 5) + (4 if name == "qwen" else 0)
    sentences = reference.split(". ")
    answer = (
        sentences[0] + "." if i % 3 else sentences[0].replace(" the ", " a ") + ", and then look at it again."
    )
    if name == "base":
        answer = (
            f"As a language model, I can say that {question.rstrip('?').lower()} is an important question. "
            * (1 + i % 3)
        )
    if name in run.comparators:
        answer = f"{sentences[-1]} That is what I would say, and I have said it before."
    if run.hostile:
        question += f" {MARKUP}"
        answer += f" {MARKUP} [click](javascript:alert(3)) | `x` "
        url = [
            "javascript://example.org/%0aalert(3)",
            "data:text/html,x",
            'https://example.org/"><script>alert(5)</script>',
            None,
        ][i % 4]
        if i == 1:
            answer = "long" * 250_000
    prompt = [Message(role="user", content=question)]
    if i % 4 == 3 or of == "dialogues":
        prompt = [
            *(Message(role=r, content=c) for r, c in (("user", "Shall we begin?"), ("assistant", "Gladly."))),
            *prompt,
        ]
    spread = 0.25 * ((i * 37) % 7 - 3) / 3
    rate = 1.9 + spread + (run.gain + 0.05 * ((i * i * 31 + 7 * i) % 13 - 6) if name == "base" else 0.0)
    is_question = of not in ("held_out", "dialogues")
    unknown = is_question and i % 2 == 1
    return Prediction(
        id=example_id([*prompt, Message(role="assistant", content=of + reference)]),
        set=of,
        messages=prompt,
        reference=None if unknown else reference,
        prediction=answer.strip(),
        finished=name == "tuned" or i % 3 > 0,
        nll=None if unknown else rate * tokens,
        tokens=None if unknown else tokens,
        provenance=Provenance(item=of, method="eval", row=i + 1)
        if is_question
        else Provenance(
            item=item, url=url, start=None if page else 12.0 * i, page=page, method="description_questions"
        ),
    )


def _score_row(predictions: Sequence[Prediction], names: Sequence[str], cleaned: bool) -> RowScore:
    first = predictions[0]
    reference = first.reference
    return RowScore(
        id=first.id,
        set=first.set,
        item=first.provenance.item,
        reference_words=None if reference is None else len(reference.split()),
        reference_bytes=None if reference is None else len(reference.encode()),
        reference=None if reference is None else _measure(reference, None),
        answers={name: _measure(p.prediction, p) for name, p in zip(names, predictions, strict=True)},
        cleaned={"tuned": _measure(predictions[0].prediction, predictions[0])} if cleaned else {},
    )


def _measure(text: str, prediction: Prediction | None) -> AnswerScore:
    said = re.findall(r"\w+", text.lower())
    overlap = None
    if prediction is not None and prediction.reference is not None:
        true = set(re.findall(r"\w+", prediction.reference.lower()))
        overlap = round(len(true & set(said)) / max(1, len(true | set(said))), 6)
    fours = list(zip(*(said[k:] for k in range(4)), strict=False))
    return AnswerScore(
        rouge1=overlap,
        rouge2=None if overlap is None else overlap / 2,
        rougeL=None if overlap is None else 0.9 * overlap,
        chrf=None if overlap is None else 100 * overlap,
        similarity=None if overlap is None else 0.3 + overlap / 2,
        nll=prediction.nll if prediction else None,
        tokens=prediction.tokens if prediction else None,
        words=len(said),
        distinct1=len(set(said)) / len(said) if said else None,
        distinct2=0.9 if len(said) > 1 else None,
        fourgrams=len(fours),
        repeated_fourgrams=len(fours) - len(set(fours)),
        copied_words=min(3, len(said)),
        longest_copy=min(3, len(said)),
        finished=prediction.finished if prediction else True,
    )


def interval(value: float, low: float | None, high: float | None, n: int) -> dict[str, Any]:
    """A figure as a metric file holds it."""
    return {"value": value, "low": low, "high": high, "n": n}


def write_judge(root: Path, run: Run, answers: Sequence[Prediction]) -> None:
    """metrics/judge.json and data/judgements, where there was a judge."""
    if run.judge is None:
        return
    reason = f"because {MARKUP}" if run.hostile else "The first answer says what the reference says."
    rated = [
        RubricJudgement(
            id=p.id, set=p.set, contestant=name, score=None if i == 3 else 1 + (i + k) % 5, reason=reason
        )
        for i, p in enumerate(answers)
        for k, name in enumerate(run.contestants)
    ]
    orders = [("a", "a"), ("b", "b"), ("a", "b"), ("tie", "tie"), (None, "a")]
    pairs = [
        PairJudgement(id=p.id, set=p.set, a="tuned", b="base", forward=one, backward=two, reasons=[reason])
        for i, p in enumerate(answers)
        for one, two in [orders[i % 5]]
    ]
    io.write_jsonl(root / "data/judgements/pairs.jsonl", pairs)
    io.write_jsonl(root / "data/judgements/rubric.jsonl", rated)
    known = {
        "trusted": (interval(0.62, 0.44, 0.78, 60), None),
        "random": (interval(0.04, -0.12, 0.2, 60), "agrees with people no better than chance"),
        "new": (None, "has not been compared with people"),
    }
    kappa, why = known[run.judge]
    labels = 60 if kappa else 0
    calibration = {
        "labels": labels,
        "judged": labels,
        "kappa": kappa,
        "agreement": kappa and interval(0.78, 0.66, 0.88, 60),
        "tpr": kappa and interval(0.81, 0.65, 0.93, 30),
        "tnr": kappa and interval(0.75, 0.58, 0.9, 30),
        "people": {"by": 2 if kappa else 0, "kappa": kappa and interval(0.8, 0.6, 0.94, 20)},
    }
    io.write_json(
        root / "metrics/judge.json",
        {
            "model": f"judge {MARKUP}" if run.hostile else "smollm2_135m",
            "engine": "embedded",
            "prompts": {"pair": "judge_pair@12345678", "rubric": "judge_answer@12345678"},
            "confidence": 0.95,
            "resamples": 1000,
            "pairs": {
                "tuned_vs_base": {
                    "held_out": {
                        "win_rate": interval(0.71, 0.55, 0.86, run.rows),
                        "wins": 14,
                        "ties": 6,
                        "losses": 4,
                        "same": 1,
                        "flip_rate": interval(0.2, 0.08, 0.36, run.rows),
                        "malformed": 1,
                        "no_reply": 0,
                    }
                }
            },
            "rubric": {
                "held_out": {
                    "base": {
                        "score": interval(2.1, 1.7, 2.5, run.rows),
                        "histogram": {"1": 9, "2": 7, "3": 5, "4": 2, "5": 1},
                        "malformed": 0,
                        "no_reply": 0,
                    },
                    "tuned": {
                        "score": interval(3.4, 3.0, 3.8, run.rows),
                        "histogram": {"1": 2, "2": 4, "3": 6, "4": 8, "5": 4},
                        "malformed": 0,
                        "no_reply": 2,
                    },
                    "difference": interval(1.3, 0.8, 1.8, run.rows),
                }
            },
            "calibration": {
                "pairs": calibration | {"flip_rate": kappa and interval(0.3, 0.19, 0.42, 60)},
                "rubric": calibration,
            },
            "trusted": {"pairs": why is None, "rubric": why is None},
            "why": {"pairs": why, "rubric": why},
        },
    )
    curve = [
        {
            "threshold": t / 2,
            "tpr": interval(round(1.3 - t / 10, 3), None, None, 20),
            "tnr": interval(round(t / 11, 3), None, None, 20),
            "kappa": None if t == 2 else interval(round(0.9 - abs(t - 6) / 6, 3), None, None, 40),
            "kept": interval(round(1.1 - t / 10, 3), None, None, 40),
        }
        for t in range(3, 11)
    ]
    io.write_json(
        root / "metrics/ratings.json",
        {
            "model": "smollm2_135m",
            "rated": 6,
            "calibration": {
                "labels": 42,
                "rated": 40,
                "split": 2,
                "auc": interval(0.81, 0.66, 0.92, 40),
                "curve": curve if kappa else [],
                "best": curve[3] if kappa else None,
                "beats_chance": run.judge == "trusted",
                "calibrated": run.judge == "trusted",
                "people": {"by": 1, "kappa": None},
                "note": "curate.min_rating: 3 keeps 70 % of what people accept and drops 55 % of what they reject.",
            },
        },
    )


def write_episodes(root: Path, run: Run) -> None:
    """data/episodes and metrics/episodes.json, as of a run that wrote some."""
    if not run.episodes:
        io.write_json(root / "metrics/episodes.json", {"episodes": 0})
        return
    for name in ("base", "tuned"):
        io.write_jsonl(
            root / f"data/episodes/{name}.jsonl",
            [
                Episode(
                    id=f"{i:016x}",
                    opening=f"Welcome to programme {i}. {MARKUP if run.hostile else ''}",
                    guest=MARKUP if run.hostile else "Joe",
                    turns=[
                        EpisodeTurn(
                            role="guest" if k % 2 else "host",
                            text=f"{QUESTIONS[(i + k) % len(QUESTIONS)][k % 2]}{MARKUP if run.hostile else ''}",
                            finished=k != 3,
                        )
                        for k in range(20)
                    ],
                    ended="closing" if name == "tuned" else "turns",
                )
                for i in range(run.episodes)
            ],
        )
    n = run.episodes
    base = {
        "turns": 20.0,
        "words": 300.0,
        "role_tags": 0.4,
        "host_share": 0.3,
        "repetition4": 0.31,
        "closed": 0.0,
    }
    tuned = {
        "turns": 20.0,
        "words": 280.0,
        "role_tags": 0.05,
        "host_share": 0.41,
        "repetition4": 0.02,
        "closed": 1.0,
    }
    io.write_json(
        root / "metrics/episodes.json",
        {
            "base": {key: interval(value, None, None, n) for key, value in base.items()},
            "tuned": {key: interval(value, None, None, n) for key, value in tuned.items()},
            "difference": {key: interval(round(tuned[key] - base[key], 6), None, None, n) for key in base},
            "episodes": n,
            "confidence": 0.95,
            "resamples": 1000,
        },
    )


def write_likeness(root: Path, run: Run, answers: Sequence[Prediction]) -> None:
    """metrics/likeness.json and data/likeness/ranks.jsonl, as of a run with enough answers, or with too few."""
    if run.rows < 12:
        io.write_json(
            root / "metrics/likeness.json", {"words": {"speaker": 90, "others": 200}, "why": TOO_LITTLE}
        )
        io.write_jsonl(root / "data/likeness/ranks.jsonl", [])
        return
    sides = {
        "base": interval(0.11, 0.05, 0.17, 20),
        "tuned": interval(0.42, 0.3, 0.55, 18),
        "reference": interval(0.81, 0.7, 0.9, 16),
    }
    io.write_json(
        root / "metrics/likeness.json",
        {
            "pool_words": 100,
            "answer_words": 40,
            "words": {"speaker": 12000, "others": 9000},
            "enough": True,
            "told_apart": interval(0.93, 0.85, 0.98, 36),
            "confidence": 0.95,
            "contestants": sides,
            "difference": {"tuned": interval(0.31, 0.2, 0.43, 38), "reference": interval(0.7, 0.6, 0.8, 36)},
        },
    )
    io.write_jsonl(
        root / "data/likeness/ranks.jsonl",
        [
            LikenessRank(set=row.set, id=row.id, rank=number % 7 - number / 100)
            for number, row in enumerate(answers)
        ],
    )


def write_knowledge(root: Path, run: Run, scores: Sequence[RowScore]) -> None:
    """metrics/knowledge.json, as of a run whose first questions of people are about what was trained."""
    asked = [row for row in scores if row.set == run.eval_name]
    places = {(row.set, row.id): ["kept" if at % 4 == 3 else "taught"] for at, row in enumerate(asked)}
    splits = {
        name: [_example(item)] for name, item in (("train", "taught"), ("validation", "v"), ("test", "kept"))
    }
    found = knowledge.measure(scores, places, splits, seed=0, resamples=300, confidence=0.95)
    io.write_json(root / "metrics/knowledge.json", found)


def _example(item: str) -> Example:
    messages = [Message(role="user", content="How?"), Message(role="assistant", content="So.")]
    return Example.of(messages, Provenance(item=item, method="qa"))


def write_conversations(root: Path, run: Run) -> None:
    """data/conversations with its manifest, and the metrics of what was heard."""
    entries = {}
    for i in range(14):
        item = f"talk-{i + 1:02}-notes"
        speakers = [("Ada" if not run.hostile else f"Ada {MARKUP}", "host"), ("Joe", "main")]
        utterances = [
            Utterance(
                speaker=speakers[k % 2][0],
                role=speakers[k % 2][1],  # type: ignore[arg-type]
                words=[Word(text="well", start=20.0 * k, end=20.0 * k + (4 if k % 2 == 0 else 15))],
            )
            for k in range(6 + i)
        ]
        io.write_json(
            root / f"data/conversations/{item}.json",
            Conversation(
                item=item,
                title=f"Talk {i + 1}, {MARKUP}" if run.hostile else f"Talk {i + 1}: what it takes to know",
                url=None,
                description="",
                language="en",
                duration=20.0 * (6 + i),
                utterances=utterances,
            ),
        )
        entries[item] = {"file": f"{item}.json", "key": "", "sha256": "", "facts": {}}
    io.write_json(root / "data/conversations" / MANIFEST, {"items": entries})
    io.write_json(
        root / "metrics/conversations.json",
        {"items": 14, "hours": 0.972, "speakers": {"host": 14, "main": 14}, "words": 175},
    )
    io.write_json(root / "metrics/transcripts.json", {"items": 14, "words": 175, "languages": {"en": 14}})
    io.write_json(root / "metrics/documents.json", {"documents": 2, "words": 5120, "pages": 12})
    io.write_json(
        root / "metrics/generation.json",
        {
            "contestants": {
                "base": {
                    "kind": "base",
                    "model": "HuggingFaceTB/SmolLM2-135M-Instruct",
                    "revision": "12fd25f77366",
                },
                "tuned": {"kind": "tuned", "model": "HuggingFaceTB/SmolLM2-135M-Instruct", "revision": None},
                "before": {"kind": "adapter", "model": "models/adapter", "revision": "4df32fa90d"},
                "qwen": {
                    "kind": "model",
                    "model": MARKUP if run.hostile else "Qwen/Qwen3-0.6B",
                    "revision": "c1899de289",
                },
            },
            "sets": {"held_out": run.rows},
            "skipped": {},
        },
    )
