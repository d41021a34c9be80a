"""Model card and dataset card, written only from facts of the pipeline."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import ChainableUndefined, Environment, FileSystemLoader

from lectern.core import params
from lectern.evaluation.answer_figures import FIGURES
from lectern.publishing import consent, engine_options, markdown
from lectern.publishing.facts import Facts
from lectern.report import judgement, wording
from lectern.report.figures import show, show_change, show_change_interval, tell
from lectern.settings.decoding import Decoding
from lectern.settings.publish import Publish

TEMPLATES = Path(__file__).parent / "templates"
HEADLINE = ("nll", "rougeL", "rouge1", "chrf", "similarity", "finished", "repetition4", "words")
"""Figures in the card's table; the report has all of them."""


def write_model_card(facts: Facts, chosen: Publish, identity: str) -> str:
    """The README.md of the model's repository.

    Args:
        facts: of the pipeline.
        chosen: section `publish`.
        identity: of the base model (`BaseModel.identity`).
    """
    from huggingface_hub import EvalResult, ModelCardData

    base = facts.params["base_model"]
    name = chosen.model_repo or f"lectern-{base['name']}"
    results = [
        EvalResult(
            task_type="text-generation",
            dataset_type=chosen.dataset_repo or "lectern",
            dataset_name="held-out rows",
            dataset_split="test",
            metric_type=row["key"],
            metric_name=row["name"],
            metric_value=row["tuned_value"],
        )
        for row in _score_rows(facts)
    ]
    data = ModelCardData(
        base_model=base.get("hub_id") or identity,
        license=chosen.licence,
        language=chosen.language or None,
        library_name="transformers",
        pipeline_tag="text-generation",
        datasets=[chosen.dataset_repo] if chosen.dataset_repo else None,
        tags=["lectern", facts.params["train"]["method"]],
        model_name=name.rpartition("/")[2],
        eval_results=results or None,
    )
    return _render("model.md.j2", facts, chosen, data, name, identity=identity)


def write_dataset_card(facts: Facts, chosen: Publish, left_out: Mapping[str, int]) -> str:
    """The README.md of the data set's repository.

    Args:
        facts: of the pipeline.
        chosen: section `publish`.
        left_out: layout -> number of rows that do not fit it.
    """
    from huggingface_hub import DatasetCardData

    configs = [
        {
            "config_name": layout,
            "data_files": [{"split": split, "path": f"{layout}/{split}.jsonl"} for split in facts.splits],
            **({"default": True} if layout == "messages" else {}),
        }
        for layout in left_out
    ]
    data = DatasetCardData(
        license=chosen.dataset_licence,
        language=chosen.language or None,
        task_categories=["text-generation"],
        tags=["lectern", "chat"],
        configs=configs,
    )
    name = chosen.dataset_repo or "lectern-data"
    return _render("dataset.md.j2", facts, chosen, data, name, left_out=left_out)


def _render(template: str, facts: Facts, chosen: Publish, data: Any, name: str, **more: Any) -> str:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=ChainableUndefined,  # an older run may lack some metrics
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # the output is Markdown, not HTML: every value goes through `escape` or `code`
    )
    environment.filters |= {"esc": markdown.escape, "code": markdown.code, "reason": wording.reason}
    body = environment.get_template(template).render(
        facts=facts,
        chosen=chosen,
        name=name,
        agreed=[(voice, consent.find(voice, chosen.consent)) for voice in facts.voices],
        licences=_count_licences(facts),
        scores=_score_rows(facts),
        decoding=_describe_decoding(facts),
        judge=_describe_judge(facts),
        limits=_list_limits(facts),
        **more,
    )
    return f"---\n{data.to_yaml(line_break=chr(10)).strip()}\n---\n\n{body}"


def _count_licences(facts: Facts) -> list[tuple[str, int, float, int]]:
    """(licence, sources, hours, rows) of each licence, most rows first."""
    found: dict[str, tuple[int, float, int]] = {}
    for source in facts.sources:
        licence = (source.licence or "").strip() or "none named"
        sources, hours, rows = found.get(licence, (0, 0.0, 0))
        found[licence] = (sources + 1, hours + source.hours, rows + source.rows)
    return sorted(((name, *counts) for name, counts in found.items()), key=lambda row: (-row[3], row[0]))


def _score_rows(facts: Facts) -> list[dict[str, Any]]:
    scores = facts.metrics["scores"]
    base, tuned, difference = (scores.get(part) or {} for part in ("base", "tuned", "difference"))
    rows = []
    for key in HEADLINE:
        figure = FIGURES[key]
        if not all(part.get(key) for part in (base, tuned, difference)):
            continue
        rows.append(
            {
                "key": key,
                "name": figure.name,
                "n": tuned[key]["n"],
                "base": show(figure, base[key]["value"]),
                "tuned": show(figure, tuned[key]["value"]),
                "tuned_value": round(tuned[key]["value"], 4),
                "difference": show_change(figure, difference[key]["value"]),
                "interval": show_change_interval(figure, difference[key]) or "none: too few rows",
                "verdict": tell(figure, difference[key])["verdict"]
                if difference[key].get("low") is not None
                else "",
            }
        )
    return rows


def _describe_judge(facts: Facts) -> str:
    """How far the judge can be trusted, in a sentence."""
    found = (facts.metrics["judge"].get("calibration") or {}).get("pairs") or {}
    kappa = found.get("kappa")
    if not found:
        return "No judge was asked."
    if not kappa:
        return "The judge was not compared with people, so no figure of it is given here."
    told = f"Cohen's kappa {kappa['value']:.2f}"
    if kappa.get("low") is not None:
        told += f" (95 % interval {kappa['low']:.2f} to {kappa['high']:.2f})"
    judge = facts.metrics["judge"]
    doubt = ""
    if not judgement.is_trusted(judge, "pairs"):
        why = (judge.get("why") or {}).get("pairs") or wording.NOT_COMPARED
        doubt = f" It {why}, so no figure of it is given here."
    return f"The judge was compared with people on {found.get('judged', 0)} labelled pairs: {told}.{doubt}"


def _describe_decoding(facts: Facts) -> str:
    section = facts.params.get("decoding")
    if section is None:  # of an older release
        return ""
    return engine_options.describe(params.parse(section, Decoding, "params.yaml: section 'decoding'"))


def _list_limits(facts: Facts) -> list[str]:
    limits = []
    scores = _score_rows(facts)
    if scores:
        few = " Few rows: the intervals are wide." if scores[0]["n"] < 100 else ""
        limits.append(f"It was measured on {scores[0]['n']} held-out answers.{few}")
        unclear = [row["name"] for row in scores if row["verdict"] == "may be chance"]
        worse = [row["name"] for row in scores if row["verdict"] == "worse"]
        if unclear:
            limits.append(f"By these figures it may be no better than its base model: {', '.join(unclear)}.")
        if worse:
            limits.append(f"By these it is worse: {', '.join(worse)}.")
    else:
        limits.append("It was not measured.")
    if facts.params.get("transcribe", {}).get("name") == "embedded" and facts.hours:
        limits.append("The speech was heard by a small packaged model, in English only.")
    if facts.params["base_model"]["source"] == "random":
        limits.append("Its base model is untrained: what it says is noise.")
    nameless = sum(voice.nameless for voice in facts.voices)
    if nameless:
        limits.append(f"{nameless} voices are known by a label only, which nobody has named.")
    limits.append(
        "It says what sounds like its sources, and may be wrong: check what it says before relying on it."
    )
    return limits
