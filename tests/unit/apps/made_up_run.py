"""A finished run that never ran: metrics, predictions and scores, made by code."""

from pathlib import Path

from stages import score
from stages.core import io
from stages.core.schema import Message, Prediction, Provenance, example_id

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


def make(
    root: Path, *, rows: int = 11, gain: float = 0.3, recordings: int = 2, hostile: bool = False
) -> None:
    """Write metrics/, data/ and params.yaml into `root`. `gain` is how much less likely the base finds a token."""
    for name in ("base", "tuned"):
        io.write_jsonl(
            root / f"data/predictions/{name}.jsonl",
            [_prediction(name, i, gain, recordings, hostile) for i in range(rows)],
        )
    score.main(
        score.ScoreParams(resamples=1000),
        root / "data/predictions",
        root / "data/scores.jsonl",
        root / "metrics/scores.json",
    )
    write_optional(root)
    parameters = "train:\n  learning_rate: 0.0002\n  epochs: 3\nsplit:\n  seed: 0\n"
    (root / "params.yaml").write_text(
        parameters + ("  note: </pre><script>alert(4)</script>\n" if hostile else "")
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
                "talk-01": {"in": 11, "out": 9, "dropped": {"rejected": 2}},
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


def _prediction(name: str, i: int, gain: float, recordings: int, hostile: bool) -> Prediction:
    question, reference = QUESTIONS[i % len(QUESTIONS)]
    question += f" ({i})" if i >= len(QUESTIONS) else ""
    item = f"talk-{1 + i % recordings:02}-notes"
    url: str | None = f"https://example.org/talks/{item}?t={12 * i}"
    tokens = 20 + 3 * (i % 5)
    sentences = reference.split(". ")
    answer = sentences[0] + "."
    if name == "base":
        answer = (
            f"As a language model, I can say that {question.rstrip('?').lower()} is an important question. "
            * (1 + i % 3)
        )
    if hostile:
        question += " <script>alert(1)</script> {{ 7 * 7 }}"
        answer += ' <img src=x onerror="alert(2)"> {% raw %} [click](javascript:alert(3)) | `x` '
        url = [
            "javascript:alert(3)",
            "data:text/html,x",
            'https://example.org/"><script>alert(5)</script>',
            None,
        ][i % 4]
    prompt = [Message(role="user", content=question)]
    if i % 4 == 3:
        prompt = [
            *(Message(role=r, content=c) for r, c in (("user", "Shall we begin?"), ("assistant", "Gladly."))),
            *prompt,
        ]
    spread = 0.25 * ((i * 37) % 7 - 3) / 3
    rate = 1.9 + spread + (gain + 0.05 * ((i * i * 31 + 7 * i) % 13 - 6) if name == "base" else 0.0)
    return Prediction(
        id=example_id([*prompt, Message(role="assistant", content=reference)]),
        messages=prompt,
        reference=reference,
        prediction=answer.strip(),
        finished=name == "tuned" or i % 3 > 0,
        nll=rate * tokens,
        tokens=tokens,
        provenance=Provenance(
            item=item, url=url, start=12.0 * i, end=12.0 * i + 10, method="description_questions"
        ),
    )
