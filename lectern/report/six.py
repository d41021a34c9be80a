"""The six questions with which the report opens: each has a sentence, what it rests on, and one example."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lectern.core.schema import BASE, HELD_OUT, REWORDED, TUNED, WITH_SOURCES
from lectern.evaluation.answer_figures import FIGURES, MAIN
from lectern.evaluation.knowledge import TRAINED
from lectern.evaluation.likeness_figures import ENOUGH, OWN
from lectern.report import certainty, forgetting, retrieval, wording
from lectern.report.inputs import Answers, Evidence

SHOWN = 320
"""Greatest number of characters that are shown of an answer of an example."""


KNOWLEDGE: Mapping[wording.Verdict, str] = {
    "better": "more than before",
    "worse": "less than before",
    "unclear": "may be chance",
    "unknown": "too few answers",
}
"""What a difference in likelihood says of what the tuned model knows. It does not say that an answer is right."""
CARRYING_OVER: Mapping[wording.Verdict, str] = {
    **KNOWLEDGE,
    "better": "yes, it comes closer",
    "worse": "no, it got worse",
}
NO_TRAINED = (
    "No question of people is about what was trained: the items that data/evals names were held out, or no split has "
    "them."
)
NO_ANSWER = "There are questions about what was trained, but none of them has a true answer."


SIDES = {
    "answer": "true answer",
    BASE: "base",
    BASE + WITH_SOURCES: "base, looked up",
    TUNED: "tuned",
    TUNED + WITH_SOURCES: "tuned, looked up",
}
"""Whose answers an example may have, in their order, and what the report calls them."""


@dataclass(frozen=True)
class Reply:
    """What the report says to one of the questions."""

    question: str
    verdict: str
    """in one to three words"""
    tone: str
    """`better`, `worse`, `unclear` or `unknown`, for the colour"""
    text: str
    """the sentences, with figure and interval"""
    place: str = ""
    """id of the section that has the tables; empty if there are none"""
    example: Mapping[str, str] | None = None
    """a question with its true answer and those of contestants, and why it was chosen"""

    @property
    def said(self) -> list[tuple[str, str, str]]:
        """Who answered the example's question, under which name the report shows it, and the answer."""
        example = self.example or {}
        return [(side, name, example[side]) for side, name in SIDES.items() if side in example]


def build(evidence: Evidence) -> list[Reply]:
    """Return the replies to the six questions, in order."""
    whose = "the speaker" if evidence.read("conversations").get("items") else "the sources"
    return [
        describe_likeness(evidence, whose),
        describe_knowledge(evidence),
        describe_carrying_over(evidence),
        describe_retrieval(evidence),
        describe_forgetting(evidence),
        describe_certainty(evidence.scores, evidence.seeds, evidence.curve),
    ]


def describe_likeness(evidence: Evidence, whose: str) -> Reply:
    """Say how surely the answers are taken for the speaker's, between the base's and the speaker's own."""
    found, question = evidence.read("likeness"), f"Does it sound like {whose}?"
    if not found or "why" in found:
        return Reply(question, "not measured", "unknown", str(found.get("why", NOT_YET)))
    sides, size = found["contestants"], found["pool_words"]
    opening = (
        "A program that knows authors by their small words and letters, not by their topics, guesses how likely a "
        f"passage of {size} words is {_whose(whose)}"
    )
    listed = f"{_share(sides[TUNED])} for the tuned model's answers"
    listed += f"{',' if OWN in sides else ' and'} {_share(sides[BASE])} for the base model's"
    if OWN in sides:
        own = f"{_share(sides[OWN])} for {_whose(whose)} own words, which the program never saw"
        listed += f" and, as a yardstick, {own}"
    text = f"{opening}: {listed}. It measures the manner, not whether an answer makes sense."
    verdict, tone = _judge_likeness(found)
    if tone == "unknown":
        text += (
            f" But on {wording.count(size, 'word')} the method cannot tell {_whose(whose)} own answers from the base "
            "model's, so these figures say nothing."
        )
    elif not found["enough"]:
        text += (
            f" This is only a hint: the program had {found['words']['speaker']:,} words of {whose} and "
            f"{found['words']['others']:,} of the base model and of others to learn from, and it needs about "
            f"{ENOUGH:,} of each."
        )
    return Reply(question, verdict, tone, text, "likeness", _find_likeness_example(evidence))


def _judge_likeness(found: Mapping[str, Any]) -> tuple[str, str]:
    apart, gain = found["told_apart"], found["difference"][TUNED]
    if not apart or apart["low"] is None or apart["low"] <= 0.5:
        return "cannot be told", "unknown"
    verdict = wording.judge(gain, lower_is_better=False)
    return {"better": "more than before", "worse": "less than before", "unclear": "may be chance"}.get(
        verdict, "too few answers"
    ), verdict


def _whose(whose: str) -> str:
    return f"{whose}'" if whose.endswith("s") else f"{whose}'s"


def _share(part: Mapping[str, Any]) -> str:
    text = wording.share(part["value"])
    if part.get("low") is None:
        return text
    return f"{text} ({wording.share(part['low']).removesuffix(' %')} to {wording.share(part['high'])})"


def _find_likeness_example(evidence: Evidence) -> Mapping[str, str] | None:
    """The answer that stands in the middle by likeness."""
    chosen = choose_by_likeness(evidence.answers, evidence.ranks)
    return (
        None
        if not chosen
        else show_example(
            chosen[len(chosen) // 2][0],
            "from the middle: as many answers sound more like the speaker than this one as sound less",
        )
    )


def choose_by_likeness(
    answers: Sequence[Answers], ranks: Mapping[tuple[str, str], float]
) -> list[tuple[Answers, str]]:
    """Choose the answers that sound least and most like the speaker, and the one in the middle.

    Returns: up to three answers with the reason of each, or none if there are fewer than three.
    """
    ranked = sorted((one for one in answers if one.key in ranks), key=lambda one: (ranks[one.key], one.key))
    if len(ranked) < 3:
        return []
    return [
        (ranked[0], "sounds least like the speaker"),
        (ranked[len(ranked) // 2], "in the middle"),
        (ranked[-1], "sounds most like the speaker"),
    ]


def show_example(one: Answers, why: str, sides: Sequence[str] = (BASE, TUNED)) -> dict[str, str]:
    """A question with its true answer and those of contestants, cut to what an opening can hold."""
    first = next(iter(one.predictions.values()))
    true = {} if not first.reference else {"answer": wording.short(first.reference, SHOWN)}
    return {
        "why": why,
        "question": wording.short(first.messages[-1].content, SHOWN),
        **true,
        **{
            name: wording.short(one.predictions[name].prediction, SHOWN) or "nothing"
            for name in sides
            if name in one.predictions
        },
    }


def describe_knowledge(evidence: Evidence) -> Reply:
    """Say what the tuned model knows of what was trained, asked in other words: people's if they asked, or an LLM's."""
    question = "Does it know what it was trained on?"
    found = evidence.read("knowledge")
    asked = {
        TRAINED: "that people asked in their own words about what was trained",
        REWORDED: "of the training that an LLM put into other words",
    }
    group = next((name for name in asked if found.get(name, {}).get("difference", {}).get("nll")), None)
    if group is None:
        why = NO_ANSWER if any(name in found for name in asked) else NO_TRAINED if found else NOT_YET
        return Reply(question, "not measured", "unknown", str(found.get("why", why)))
    part = found[group]
    difference = part["difference"]["nll"]
    verdict, text = _compare_likelihood(
        difference, f"On {wording.count(difference['n'], 'question')} {asked[group]}"
    )
    if "rougeL" in part["difference"]:
        own, others = (wording.share(part[side]["rougeL"]["value"]) for side in (TUNED, BASE))
        chance = wording.judge(part["difference"]["rougeL"], lower_is_better=False) == "unclear"
        text += (
            f" Its answers share {own} of their words with the true ones (ROUGE-L), the base's {others}"
            f"{', which may be chance' if chance else ''}. Neither figure counts how many answers are right."
        )
    chosen = {(name, id) for name, id in part["questions"]}
    example = _find_gain_example([one for one in evidence.answers if one.key in chosen])
    return Reply(question, KNOWLEDGE[verdict], verdict, text, "scores", example)


def _compare_likelihood(difference: Mapping[str, Any], opening: str) -> tuple[wording.Verdict, str]:
    """Say how many times as likely the tuned model finds each token of the true answers."""
    verdict = wording.judge(difference, lower_is_better=True)
    if verdict == "unknown":
        return verdict, f"{opening}, there are too few true answers to tell."
    if verdict == "unclear":
        return verdict, (
            f"{opening}, the tuned model and the base find the true answers about equally likely; the difference may "
            "be chance."
        )
    factor = wording.times(difference, "likely" if verdict == "better" else "unlikely")
    return verdict, (
        f"{opening}, the tuned model rates each token (a word or a part of one) of the true answers, on average, "
        f"{factor} as the base does."
    )


def describe_carrying_over(evidence: Evidence) -> Reply:
    """Say what happened to the true answers of recordings that were held out."""
    scores = evidence.scores
    question, difference = "Does it carry over to what was not trained?", scores["difference"].get("nll")
    if difference is None:
        return Reply(question, "not measured", "unknown", wording.headline(scores), "scores")
    asked = wording.asked(scores.get("set", HELD_OUT), scores["rows"])
    held = wording.count(scores["recordings"], "source")
    verdict, text = _compare_likelihood(difference, f"On {asked} from {held} that the training never saw")
    own = [one for one in evidence.answers if one.score.set == scores.get("set", HELD_OUT)]
    if verdict == "better":
        text += " Its own answers may still be wrong."
    return Reply(question, CARRYING_OVER[verdict], verdict, text, "scores", _find_gain_example(own))


def _find_gain_example(
    answers: Sequence[Answers], needed: Sequence[str] = (BASE, TUNED), more: Sequence[str] = ()
) -> Mapping[str, str] | None:
    """The answer whose gain in likelihood is the median, of those that all who are needed gave."""
    gains = [one for one in answers if one.gain is not None and one.predictions.keys() >= {*needed}]
    if not gains:
        return None
    ordered = sorted(gains, key=lambda one: (one.gain, one.key))
    return show_example(
        ordered[len(ordered) // 2],
        "from the middle: as many answers gained more than this one as gained less",
        [*needed, *more],
    )


def describe_retrieval(evidence: Evidence) -> Reply:
    """Say whether the base does as well as the tuned model if it looks the answer up."""
    question = "Would looking it up do as well?"
    # People's questions about what was trained come first, since a search that knows what was trained can answer them.
    known = evidence.read("knowledge").get(TRAINED, {})
    asked = {(name, id) for name, id in known.get("questions", [])}
    scores, name = known, min((name for name, _ in asked), default="")
    if retrieval.judge(scores) == "unknown":  # nobody asked them, or too few for an interval
        scores, name = evidence.scores, evidence.scores.get("set", HELD_OUT)
        asked = {one.key for one in evidence.answers if one.score.set == name}
    if BASE + WITH_SOURCES not in scores.get("comparators", {}):
        return Reply(question, "not measured", "unknown", NOT_LOOKED_UP)
    verdict = retrieval.judge(scores)
    words = {
        "better": "no, tuning does better",
        "worse": "yes, and better",
        "unclear": "cannot be told",
        "unknown": "too few answers",
    }
    said, tone = words[verdict], str(verdict)
    if verdict == "unclear" and retrieval.do_best_together(scores):
        said, tone = "both together do better", "better"
    text = retrieval.compare(name, scores)
    if found := evidence.read("retrieval"):
        text += f" {retrieval.describe_recall(name, found)}".rstrip()
    own = [one for one in evidence.answers if one.key in asked]
    example = _find_gain_example(own, (BASE + WITH_SOURCES, TUNED), (TUNED + WITH_SOURCES,))
    return Reply(question, said, tone, text, "retrieval", example)


NOT_LOOKED_UP = (
    "No model answered with passages that a search found. The parameter retrieval.contestants=[base,tuned] lets both do"
    " it."
)


def describe_forgetting(evidence: Evidence) -> Reply:
    """Say what the tuned model forgot of what the base knew."""
    question = "What did it forget?"
    general = evidence.general
    found = forgetting.build(evidence.read("forgetting"), general.get(BASE, ()), general.get(TUNED, ()))
    if found is None:
        return Reply(question, "not measured", "unknown", NOT_YET)
    words = {
        "better": "nothing that shows",
        "worse": "something",
        "unclear": "cannot be told",
        "unknown": "too little text",
    }
    text = " ".join([found["sentence"], *found["more"]])
    example = found["example"]
    shown = None if example is None else {"why": "a question that only the base answers right", **example}
    return Reply(question, words[found["tone"]], found["tone"], text, "forgetting", shown)


def describe_certainty(
    scores: Mapping[str, Any], seeds: Mapping[str, Any] | None = None, curve: Mapping[str, Any] | None = None
) -> Reply:
    """Say what the intervals cover, how far trainings differ by their seed alone, and what more items would change.

    Args:
        scores: metrics/scores.json, with the intervals that the report shows.
        seeds: metrics/noise/seeds.json, if it belongs to this run.
        curve: metrics/noise/curve.json, if it belongs to this run.
    """
    question = "How sure are we, and would more help?"
    more = (
        certainty.tell_curve(curve)
        if curve
        else "Whether more sources would help was not measured: the command lectern curve does that."
    )
    if not scores.get("seeds") or seeds is None:
        text = (
            "The model was trained once; a training with another random seed would give other figures, and the "
            "command lectern seeds measures how far."
        )
        return Reply(question, "it was trained once", "unclear", f"{more} {text}")
    key = next((key for key in MAIN if key in scores["difference"]), None)
    verdict = (
        wording.judge(scores["difference"][key], bool(FIGURES[key].lower_is_better)) if key else "unknown"
    )
    words = {"unclear": "may be chance", "unknown": "too few answers"}
    return Reply(
        question,
        words.get(verdict, f"{scores['seeds']} trainings agree"),
        verdict,
        f"{more} {certainty.tell_seeds(scores, seeds)}",
    )


NOT_YET = "This run has no figures for it. The command dvc repro measures them."
