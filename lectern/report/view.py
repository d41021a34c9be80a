"""Compute everything that the templates of the report show."""

from typing import Any

from lectern.core.schema import BASE, HELD_OUT, TUNED
from lectern.report import (
    episodes,
    forgetting,
    funnel,
    judgement,
    likeness,
    loss,
    origin,
    retrieval,
    samples,
    scores,
    selection,
    six,
    sources,
    speech,
    support,
    wording,
)
from lectern.report.inputs import Inputs


def build(inputs: Inputs, *, samples_shown: int) -> dict[str, Any]:
    """Return all values that the templates need; at most `samples_shown` questions of the headline set are shown."""
    metrics = inputs.metrics
    headline_set = inputs.scores.get("set", HELD_OUT)
    judge, contestants = metrics["judge"], metrics["generation"].get("contestants", {})
    trusted = judgement.find_trusted(judge, headline_set)
    return {
        "title": wording.title(inputs.scores),
        "lead": wording.lead(inputs.scores),
        "headline": wording.headline(inputs.scores),
        "preference": wording.preference(trusted, judge["calibration"]["pairs"]) if trusted else "",
        "method": wording.method(inputs.scores),
        "models": [
            {"name": name, "text": text}
            for name in (BASE, TUNED)
            if (text := scores.describe_model(contestants.get(name, {})))
        ],
        "six": six.build(inputs),
        "three": [
            samples.show(one, why, judge, inputs.pairs, inputs.rubric)
            for one, why in six.choose_by_likeness(inputs.answers, inputs.ranks)
        ],
        "retrieval": retrieval.build(inputs.scores, metrics["retrieval"]),
        "forgetting": forgetting.build(
            metrics["forgetting"], inputs.general.get(BASE, ()), inputs.general.get(TUNED, ())
        ),
        "likeness": likeness.build(inputs.metrics["likeness"]),
        "tiles": scores.build_tiles(inputs.scores, trusted),
        "sets": scores.build_sets(inputs.scores, contestants),
        "loss": loss.build(inputs.loss, metrics["train"]),
        "preflight": loss.describe_preflight(metrics["preflight"]),
        "judge": judgement.build(judge),
        "curation_judge": judgement.build_curation(metrics["ratings"]),
        "samples": samples.build(
            inputs.answers, headline_set, samples_shown, judge, inputs.pairs, inputs.rubric
        ),
        "marked_sources": support.describe(metrics["support"]),
        "episodes": episodes.build(metrics["episodes"], inputs.episodes),
        "funnel": funnel.build(metrics),
        "selection": selection.build(metrics["curation"]),
        "sources": sources.build(inputs.spoken, metrics),
        "speech": speech.build(metrics["speech"]),
        "heard": speech.describe(metrics["speech"]),
        "params": inputs.params.strip("\n"),
        "versions": origin.list_versions(),
        "revision": inputs.revision,
        "find": origin.find_command(inputs.revision),
    }
