"""The inputs as the templates show them: words, positions and nothing left to compute."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from stages.apps.report import drawing, selection, wording
from stages.apps.report.inputs import Answers, Inputs, LossPoint
from stages.core.schema import SPLITS, Prediction
from stages.scoring.figures import AnswerScore


@dataclass(frozen=True)
class Figure:
    """How a figure of metrics/scores.json is shown."""

    key: str
    name: str
    about: str
    lower_is_better: bool | None  # None: neither direction is better in itself
    digits: int = 2
    is_share: bool = False

    def show(self, value: float) -> str:
        """A value with its unit."""
        return f"{100 * value:.0f} %" if self.is_share else f"{value:.{self.digits}f}"

    def show_change(self, value: float) -> str:
        """A difference with its sign; of shares in points."""
        return wording.signed(100 * value, 0) if self.is_share else wording.signed(value, self.digits)


FIGURES = (
    Figure("nll", "Negative log-likelihood", "nats a token of the true answer; lower is better", True),
    Figure("perplexity", "Perplexity", "its exponential; lower is better", True, digits=1),
    Figure("rougeL", "ROUGE-L", "longest common word sequence, F1; higher is better", False, digits=3),
    Figure("rouge1", "ROUGE-1", "shared words, F1; higher is better", False, digits=3),
    Figure("rouge2", "ROUGE-2", "shared word pairs, F1; higher is better", False, digits=3),
    Figure("length_ratio", "Length", "words for each word of the reference; 1 is its length", None),
    Figure("finished", "Finished", "answers that the model ended itself", None, is_share=True),
)


@dataclass(frozen=True)
class SpeechFigure:
    """How a figure of metrics/speech.json is shown; all are shares."""

    key: str
    name: str
    about: str
    lower_is_better: bool = True


SPEECH = (
    SpeechFigure("wer", "Word error rate", "of the transcripts; lower is better"),
    SpeechFigure("der", "Diarization error rate", "of the time somebody speaks; lower is better"),
    SpeechFigure(
        "der_with_collar", "The same with a collar", "without the moments around each change of speaker"
    ),
    SpeechFigure("word_speaker_accuracy", "Words with the right speaker", "higher is better", False),
    SpeechFigure(
        "speaker_count_accuracy", "Recordings with the right number of speakers", "higher is better", False
    ),
)

NOT_ROWS = {
    "no_questions": "{} in which no question was found",
    "no_dialogue": "{} without a dialogue",
}
"""Reasons that count recordings: they say why rows never came to be."""


def build(inputs: Inputs, *, samples: int) -> dict[str, Any]:
    """Return all that the templates need; no more than `samples` questions are shown, evenly drawn over all."""
    scores = inputs.scores
    return {
        "title": wording.title(scores),
        "headline": wording.headline(scores),
        "method": wording.method(scores),
        "tiles": _tiles(scores),
        "figures": [_figure(figure, scores) for figure in FIGURES if figure.key in scores["difference"]],
        "loss": _loss(inputs.loss, inputs.train),
        "funnel": _funnel(inputs),
        "selection": selection.build(inputs.curation),
        "speech": _speech(inputs.speech),
        "heard": _heard(inputs.speech),
        "samples": [_sample(inputs.answers[i]) for i in _spread(len(inputs.answers), samples)],
        "answers": len(inputs.answers),
        "params": inputs.params.strip("\n"),
    }


def _tiles(scores: Mapping[str, Any]) -> list[dict[str, str]]:
    """The three figures that matter most, at a glance."""
    tiles = []
    for figure in FIGURES[:3]:
        base, tuned, change = (scores[part][figure.key]["value"] for part in ("base", "tuned", "difference"))
        verdict = wording.judge(scores["difference"][figure.key], bool(figure.lower_is_better))
        tiles.append(
            {
                "name": figure.name,
                "base": figure.show(base),
                "tuned": figure.show(tuned),
                "change": figure.show_change(change),
                "verdict": verdict,
            }
        )
    return tiles


def _figure(figure: Figure, scores: Mapping[str, Any]) -> dict[str, Any]:
    sides = {side: scores[side][figure.key] for side in ("base", "tuned")}
    difference = scores["difference"][figure.key]
    known = [
        side[key] for side in sides.values() for key in ("value", "low", "high") if side[key] is not None
    ]
    scale = drawing.scale([*known, 1.0] if figure.is_share else known, from_zero=True)
    verdict = wording.judge(difference, bool(figure.lower_is_better))
    if figure.lower_is_better is None and verdict in ("better", "worse"):
        verdict_words = "higher" if difference["value"] > 0 else "lower"
    else:
        verdict_words = {"unclear": "may be chance", "unknown": "too few rows"}.get(verdict, verdict)
    return {
        "name": figure.name,
        "about": figure.about,
        "lanes": [
            {"side": name, "text": figure.show(side["value"]), "interval": _interval(figure.show, side)}
            | _dot(scale, side)
            for name, side in sides.items()
        ],
        "ticks": [{"at": scale.at(tick), "text": _tick(figure, scale, tick)} for tick in scale.ticks],
        "change": figure.show_change(difference["value"]),
        "change_interval": _interval(figure.show_change, difference) + (" points" if figure.is_share else ""),
        "verdict": verdict_words,
        "tone": verdict if figure.lower_is_better is not None else "unclear",
        "n": difference["n"],
    }


def _interval(show: Callable[[float], str], part: Mapping[str, Any]) -> str:
    """`1.80 to 2.00`, `36 to 91 %`, or nothing where there are too few rows for one."""
    if part["low"] is None or part["high"] is None:
        return ""
    return f"{show(part['low']).removesuffix(' %')} to {show(part['high'])}"


def _tick(figure: Figure, scale: drawing.Scale, tick: float) -> str:
    return f"{100 * tick:.0f} %" if figure.is_share else scale.label(tick)


def _dot(scale: drawing.Scale, part: Mapping[str, Any]) -> dict[str, float]:
    value = part["value"]
    low, high = (value if part.get(key) is None else part[key] for key in ("low", "high"))
    return {"at": scale.at(value), "low": scale.at(low), "high": scale.at(high)}


def _loss(points: list[LossPoint], train: Mapping[str, Any]) -> dict[str, Any] | None:
    curves = {
        name: [(float(p.step), value) for p in points if (value := getattr(p, name)) is not None]
        for name in ("train", "validation")
    }
    values = [value for curve in curves.values() for _, value in curve]
    if not values:
        return None
    x = drawing.scale([0.0, *(step for curve in curves.values() for step, _ in curve)], intervals=5)
    y = drawing.scale(values)
    counts = [
        wording.count(train[f"{noun}s"], noun) for noun in ("epoch", "step", "row") if f"{noun}s" in train
    ]
    if "trained_tokens" in train:
        counts.append(f"{train['trained_tokens']:,} trained tokens")
    return {
        "note": ", ".join(counts),
        "x": [{"at": x.at(tick), "text": x.label(tick)} for tick in x.ticks],
        "y": [{"at": y.at(tick), "text": y.label(tick)} for tick in y.ticks],
        "curves": [
            {
                "name": name,
                "path": drawing.path(x, y, curve),
                "dots": [{"x": x.at(a), "y": round(100 - y.at(b), 2)} for a, b in curve]
                if len(curve) <= 40
                else [],
                "last": f"{curve[-1][1]:.3f}",
                "best": f"{min(b for _, b in curve):.3f}",
                "best_step": f"{min(curve, key=lambda point: point[1])[0]:,.0f}",
            }
            for name, curve in curves.items()
            if curve
        ],
        "rows": [
            {
                "step": p.step,
                **{n: "" if (v := getattr(p, n)) is None else f"{v:.3f}" for n in ("train", "validation")},
            }
            for p in (points[i] for i in _spread(len(points), 12))
        ],
    }


def _funnel(inputs: Inputs) -> list[dict[str, Any]]:
    """The steps that rows went through, each with what fell there and why."""
    steps: list[dict[str, Any]] = []
    if examples := inputs.examples:
        by_method = {name: _rows(part) for name, part in sorted(examples.get("by_method", {}).items())}
        notes = [f"from {wording.count(examples.get('items', 0), 'source')}"]
        notes += [f"{rows:,} by {wording.plain(name)}" for name, rows in by_method.items()]
        steps.append(_step("Found", examples.get("rows", 0), notes, examples.get("dropped", {})))
    if curation := inputs.curation:
        taught = selection.find_taught(curation, inputs.examples)
        if taught:
            notes = [f"{rows:,} by {wording.plain(name)}" for name, rows in taught.items()]
            steps.append(_step("Gathered", curation.get("rows_in", 0), ["with those from text", *notes], {}))
        notes = selection.list_notes(curation)
        steps.append(_step("Kept", curation.get("rows_out", 0), notes, curation.get("dropped", {})))
    if leakage := inputs.leakage:
        rows = {name: leakage["rows"][name] for name in SPLITS if name in leakage.get("rows", {})}
        items = leakage.get("items", {})
        notes = [
            f"{name} {n:,} from {wording.count(items.get(name, 0), 'source')}" for name, n in rows.items()
        ]
        notes.append("no leak between them" if not leakage.get("leaks_total") else "leaks found and left out")
        steps.append(
            _step("Split", sum(rows.values()), notes, {"leak": sum(leakage.get("dropped", {}).values())})
            | {"parts": [{"name": name, "rows": n} for name, n in rows.items()]}
        )
    rendered = {name: part for name, part in inputs.preflight.items() if isinstance(part, Mapping)}
    if rendered:
        cut, chunks = (
            sum(part.get(name, 0) for part in rendered.values()) for name in ("examples_divided", "chunks")
        )
        notes = [
            f"{name} {part.get('rows', 0):,} ({part.get('trained_tokens', 0):,} trained tokens)"
            for name, part in rendered.items()
            if name == "train"
        ]
        notes += [f"{cut:,} cut into {chunks:,} rows"] if cut else []
        dropped = sum(part.get("dropped_too_long", 0) for part in rendered.values())
        steps.append(
            _step("Rendered", sum(p.get("rows", 0) for p in rendered.values()), notes, {"too_long": dropped})
        )
    most = max([step["rows"] for step in steps] or [0]) or 1
    return [step | {"width": round(100 * step["rows"] / most, 2)} for step in steps]


def _rows(part: int | Mapping[str, int]) -> int:
    return part if isinstance(part, int) else part.get("rows", 0)


def _step(name: str, rows: int, notes: list[str], dropped: Mapping[str, int]) -> dict[str, Any]:
    falls = [
        {"rows": f"{n:,}", "reason": wording.reason(reason)}
        for reason, n in sorted(dropped.items())
        if n and reason not in NOT_ROWS
    ]
    notes = notes + [
        text.format(wording.count(dropped[reason], "recording"))
        for reason, text in NOT_ROWS.items()
        if dropped.get(reason)
    ]
    return {"name": name, "rows": rows, "text": f"{rows:,}", "notes": notes, "dropped": falls, "parts": []}


def _speech(metric: Mapping[str, Any]) -> list[dict[str, Any]]:
    shown = []
    for figure in SPEECH:
        part = metric.get(figure.key)
        if not isinstance(part, Mapping) or part.get("value") is None:
            continue
        value, low, high = part["value"], part.get("low"), part.get("high")
        far = 0.1 if figure.lower_is_better else 1.0
        scale = drawing.scale([value, value if high is None else high, far], from_zero=True)
        bounds = "" if low is None or high is None else f"{100 * low:.1f} to {100 * high:.1f} %"
        shown.append(
            {
                "name": figure.name,
                "about": figure.about,
                "text": f"{100 * value:.1f} %",
                "interval": bounds,
                "ticks": [{"at": scale.at(tick), "text": f"{100 * tick:.3g} %"} for tick in scale.ticks],
                **_dot(scale, {"value": value, "low": low, "high": high}),
            }
        )
    return shown


def _heard(metric: Mapping[str, Any]) -> str:
    """On how much the figures of speech rest."""
    parts = [
        wording.count(metric[key], noun)
        for key, noun in (("items", "recording"), ("words", "word"))
        if key in metric
    ]
    return ", ".join(parts)


def _spread(n: int, most: int) -> list[int]:
    """At most `most` of n positions, evenly apart, the first and the last among them."""
    if n <= most:
        return list(range(n))
    return sorted({round(i * (n - 1) / (most - 1)) for i in range(most)}) if most > 1 else [0] * most


def _sample(answers: Answers) -> dict[str, Any]:
    base, score = answers.base, answers.score
    *earlier, question = base.messages
    where = base.provenance
    sides = ((base, score.base), (answers.tuned, score.tuned))
    return {
        "question": question.content,
        "earlier": [{"role": message.role, "content": message.content} for message in earlier],
        "item": where.item,
        "clock": "" if where.start is None else wording.clock(where.start),
        "link": _web_link(where.url),
        "reference": base.reference,
        "base": _answer(*sides[0], tokens=score.tokens),
        "tuned": _answer(*sides[1], tokens=score.tokens),
    }


def _answer(prediction: Prediction, score: AnswerScore, *, tokens: int) -> dict[str, Any]:
    return {
        "text": prediction.prediction,
        "finished": prediction.finished,
        "nll": f"{score.nll / tokens:.2f}",
        "rouge": f"{score.rougeL:.2f}",
    }


def _web_link(url: str | None) -> str | None:
    """`url` when a browser may be sent there: http or https with a host, and nothing that runs."""
    try:
        parts = urlsplit(url or "")
        return url if parts.scheme in ("http", "https") and parts.hostname else None
    except ValueError:
        return None
