"""The values that a section of the parameters may have: the last one that is accepted, and the first that is not."""

from typing import Any

import pytest

from lectern.core import params
from lectern.core.errors import LecternError
from lectern.settings.sections import FREE, SECTIONS
from tests.settings import demo

# Accepted and refused values of a parameter, the others as in the demo.
NUMBERS = [
    ("base_model.context_length", [1], [0]),
    ("compute.machines", [1], [0]), ("compute.max_tries", [1], [0]), ("compute.processes", [1], [0]),
    ("compute.workers", [0], [-1]),
    ("converse.first_gap", [None, 0.1], [0.0, -1.0]), ("converse.reach", [0.0], [-0.1]),
    ("converse.voice_margin", [0.0, 1.0], [-0.01, 1.01]), ("converse.voice_threshold", [0.01, 1.0], [0.0, 1.01]),
    ("curate.decontamination_semantic_threshold", [None, 0.5, 1.0], [0.49, 1.01]),
    ("curate.decontamination_threshold", [0.3, 1.0], [0.29, 1.01]),
    ("curate.min_answer_words", [None, 1], [0]), ("curate.min_rating", [None, 1.0, 5.0], [0.9, 5.1]),
    ("curate.near_duplicate_threshold", [0.3, 1.0], [0.29, 1.01]),
    ("curate.semantic_duplicate_threshold", [None, 0.5, 1.0], [0.49, 1.01]),
    ("decoding.min_p", [0.0, 1.0], [-0.01, 1.01]), ("decoding.no_repeat_ngram_size", [0, 2], [-1, 1]),
    ("decoding.repetition_penalty", [0.01, 2.0], [0.0, 2.01]), ("decoding.temperature", [0.0], [-0.1]),
    ("decoding.top_k", [0], [-1]), ("decoding.top_p", [0.01, 1.0], [0.0, 1.01]),
    ("diarize.batch_size", [1], [0]), ("diarize.embed_every", [1], [0]),
    ("diarize.max_speakers", [1], [0]), ("diarize.min_share", [0.0, 0.99], [-0.01, 1.0]),
    ("diarize.min_speakers", [1, 8], [0, 9]), ("diarize.threads", [1], [0]),
    ("diarize.threshold", [0.01, 1.0], [0.0, 1.01]),
    ("episodes.batch_size", [1], [0]), ("episodes.held_out", [0], [-1]), ("episodes.temperature", [0.0], [-0.1]),
    ("episodes.top_p", [0.01, 1.0], [0.0, 1.01]), ("episodes.turns", [2], [1]),
    ("examples.follow_up_words", [0], [-1]), ("examples.interjection_words", [0], [-1]),
    ("examples.max_answer_words", [None, 20], [19]), ("examples.max_shift", [0], [-1]),
    ("examples.min_answer_words", [1], [0]), ("examples.min_question_words", [1], [0]),
    ("extract.allow_failed", [0.0, 1.0], [-0.01, 1.01]), ("extract.max_megabytes", [1], [0, -1]),
    ("forget.batch_size", [1], [0]), ("forget.confidence", [0.01, 0.99], [0.0, 1.0]),
    ("forget.max_new_tokens", [1], [0]), ("forget.questions", [None, 0], [-1]), ("forget.refusals", [None, 0], [-1]),
    ("forget.resamples", [100], [99]), ("forget.task_rows", [None, 1], [0]), ("forget.words", [None, 0], [-1]),
    ("generate.batch_size", [1], [0]), ("generate.max_new_tokens", [1], [0]), ("generate.parity_prompts", [0], [-1]),
    ("generate.parity_tokens", [1], [0]),
    ("housekeeping.max_words", [1], [0]),
    ("judging.confidence", [0.01, 0.99], [0.0, 1.0]), ("judging.longest", [100], [99]),
    ("judging.min_kappa", [0.0, 1.0], [-0.01, 1.01]), ("judging.min_labels", [1], [0]),
    ("judging.most", [None, 1], [0]), ("judging.most_labels", [1], [0]), ("judging.resamples", [100], [99]),
    ("mix.share", [0.0], [-0.01, 0.96]), ("mix.words", [20], [19]),
    ("parse.boilerplate_pages", [2], [1]), ("parse.boilerplate_share", [0.01, 1.0], [0.0, 1.01]),
    ("parse.min_share", [0.51, 1.0], [0.5, 1.01]), ("parse.min_tokens", [1], [0]), ("parse.overlap", [0], [-1]),
    ("rate.confidence", [0.01, 0.99], [0.0, 1.0]), ("rate.min_labels", [1], [0]), ("rate.resamples", [100], [99]),
    ("render.max_length", [8], [7]),
    ("report.samples", [0], [-1]),
    ("reword.count", [0], [-1]), ("reword.most_shared", [0.01, 1.0], [0.0, 1.01]),
    ("reword.least_similar", [0.0, 1.0], [-0.01, 1.01]), ("generate.background", [0], [-1]),
    ("retrieval.confidence", [0.01, 0.99], [0.0, 1.0]), ("retrieval.max_turn_words", [20], [19]),
    ("retrieval.max_words", [1], [0]), ("retrieval.passages", [1], [0]), ("retrieval.resamples", [100], [99]),
    ("retrieval.train_share", [0.0, 1.0], [-0.01, 1.01]), ("retrieval.train_true", [0.0, 1.0], [-0.01, 1.01]),
    ("score.confidence", [0.01, 0.99], [0.0, 1.0]), ("score.copy_words", [1], [0]), ("score.resamples", [100], [99]),
    ("score_speech.collar", [0.0], [-0.01]), ("score_speech.confidence", [0.01, 0.99], [0.0, 1.0]),
    ("score_speech.resamples", [100], [99]),
    ("split.near_duplicate_threshold", [0.3, 1.0], [0.29, 1.01]), ("split.test", [0.01], [0.0, -0.1]),
    ("split.validation", [0.01], [0.0, -0.1]),
    ("teach.max_questions", [1], [0]), ("teach.min_answer_words", [1], [0]), ("teach.min_question_words", [1], [0]),
    ("teach.min_paragraph_words", [1], [0]), ("teach.min_quote_words", [1], [0]),
    ("teach.tokens_per_question", [1], [0]),
    ("teacher.allow_failed", [0.0, 1.0], [-0.01, 1.01]), ("teacher.backoff", [0.1], [0.0]),
    ("teacher.concurrency", [1], [0]), ("teacher.max_calls", [None, 1], [0]), ("teacher.max_tokens", [1], [0]),
    ("teacher.max_total_tokens", [None, 1], [0]), ("teacher.max_tries", [1], [0]), ("teacher.max_wait", [0.1], [0.0]),
    ("teacher.requests_per_minute", [None, 1], [0]), ("teacher.timeout", [0.1], [0.0]),
    ("teacher.tokens_per_minute", [None, 1], [0]),
    ("train.alpha", [1], [0]), ("train.batch_size", [1], [0]), ("train.checkpoint_every", [1], [0]),
    ("train.dropout", [0.0, 0.99], [-0.01, 1.0]), ("train.early_stopping", [None, 1], [0]), ("train.epochs", [1], [0]),
    ("train.evaluations", [1], [0]), ("train.explosion", [1.01], [1.0]), ("train.gradient_accumulation", [1], [0]),
    ("train.learning_rate", [1e-9], [0.0]), ("train.max_grad_norm", [0.01], [0.0]), ("train.r", [1], [0]),
    ("train.warmup_share", [0.0, 1.0], [-0.01, 1.01]), ("train.weight_decay", [0.0], [-0.01]),
    ("transcribe.batch_size", [1], [0]), ("transcribe.beam_size", [1], [0]), ("transcribe.threads", [0], [-1]),
    ("transcribe.allow_failed", [0.0, 1.0], [-0.01, 1.01]), ("diarize.allow_failed", [0.0, 1.0], [-0.01, 1.01]),
    ("converse.allow_failed", [0.0, 1.0], [-0.01, 1.01]), ("converse.first_gap_within", [0.0], [-0.01]),
    ("compute.price_per_hour", [None, 0.0], [-0.01]),
    ("diarize.min_embedding", [0.0], [-0.01]), ("diarize.fill_gap", [0.0], [-0.01]),
    ("diarize.min_turn", [0.0], [-0.01]),
    ("teach.min_tokens", [0], [-1]),
]  # fmt: skip
CHOICES = [
    ("compute.executor", ["local", "ray"], ["dask"]),
    ("converse.others", ["host", "guest", "audience"], ["nobody"]),
    ("converse.metadata", [None, "talks.csv"], ["data/talks.csv", "../talks.csv"]),
    ("converse.cut_chapters", [["^Q&A"]], [["("]]),
    ("curate.unrated", ["keep", "drop"], ["other"]),
    ("episodes.host", ["swap", "continue"], ["other"]),
    ("episodes.openings", [["a", "b-2"]], [["a", "a"], ["../a"], [""]]),
    ("examples.questions", [["question_turns"]], [["nothing"]]),
    ("forget.tasks", [[], ["arc_easy", "mmlu-pro.x"]], [["arc_easy", "arc_easy"], ["../quiz.yaml"], [""]]),
    ("generate.evals", [["talks"], []], [["talks", "talks"], ["held_out"], ["dialogues"], ["../talks"], [""]]),
    ("judging.criterion", ["Good?"], ["", " "]),
    ("publish.unlicensed", ["refuse", "allow"], ["ask"]),
    ("publish.model_repo", [None, "you/a"], ["a", "https://huggingface.co/you/a"]),
    ("publish.consent", [{"Ann": "in writing, 2026"}], [{"Ann": " "}]),
    ("retrieval.contestants", [[], ["endpoint"]], [["gpt"], ["base", "base"]]),
    ("retrieval.methods", [["bm25"]], [[], ["bm25", "bm25"], ["splade"]]),
    ("retrieval.prompt", ["sources"], ["source", "../sources", ""]), ("rate.prompt", ["qa"], ["none"]),
    ("reword.prompt", ["reword"], ["none"]), ("clean_answers.prompt", ["clean_answer"], ["none"]),
    ("retrieval.searched", ["all"], ["test"]), ("retrieval.turns", ["exchanges"], ["both"]),
    ("score.similarity", [None, "embedded"], ["hub"]),
    ("split.by", ["item"], ["foo"]), ("split.on_leak", ["fail", "drop"], ["ignore"]),
    ("teach.language", ["follow", "de"], ["", " "]),
    ("teach.methods", [[]], [["nothing"]]),
    ("teacher.base_url", ["http://127.0.0.1:8080/v1"], ["http://me:word@127.0.0.1:8080/v1"]),
    ("train.keep", ["best", "last"], ["first"]), ("train.method", ["lora", "qlora", "full"], ["prefix"]),
    ("train.trackers", [[]], [["nothing"]]),
    ("transcribe.engine", ["faster_whisper", "whisperx"], ["other"]),
    ("transcribe.python", ["python3.12"], ["/usr/bin/python", ""]),
    ("diarize.python", ["python3.12"], ["/usr/bin/python", ""]),
]  # fmt: skip
# What must fit together.
TOGETHER: list[tuple[str, dict[str, Any], bool]] = [
    ("mix", {"share": 0.95, "files": ["general.jsonl"]}, True),
    ("mix", {"share": 0.1, "files": []}, False),
    ("base_model", {"own_template": True, "chat_template": None}, True),
    ("base_model", {"own_template": False, "chat_template": None}, False),
    ("base_model", {"source": "hub", "hub_id": "you/a"}, True),
    ("base_model", {"source": "hub", "hub_id": None}, False),
    ("base_model", {"source": "random", "architecture": "llama"}, True),
    ("base_model", {"source": "random", "architecture": None}, False),
    ("base_model", {"source": "random", "architecture": "gpt"}, False),
    ("base_model", {"package": "nothing"}, False),
    ("compute", {"machines": 2, "main_address": "one:29500"}, True),
    ("compute", {"machines": 2, "main_address": "one"}, False),
    ("compute", {"cpus_per_worker": 0.0, "gpus_per_worker": 0.5}, True),
    ("compute", {"cpus_per_worker": 0.5, "gpus_per_worker": 0.0}, True),
    ("compute", {"cpus_per_worker": 0.0, "gpus_per_worker": 0.0}, False),
    ("compute", {"cpus_per_worker": 1.0, "gpus_per_worker": -0.5}, False),
    ("compute", {"cpus_per_worker": -0.5, "gpus_per_worker": 1.0}, False),
    ("curate", {"min_answer_words": 9, "max_answer_words": 9}, True),
    ("curate", {"min_answer_words": 9, "max_answer_words": 8}, False),
    ("curate", {"min_question_words": 9, "max_question_words": 9}, True),
    ("curate", {"min_question_words": 9, "max_question_words": 8}, False),
    ("curate", {"min_answer_words": None, "max_answer_words": 1}, True),
    ("curate", {"min_answer_words": None, "max_answer_words": 0}, False),
    ("curate", {"min_scores": {"clear": 5.0}}, True),
    ("curate", {"min_scores": {"clear": 6.0}}, False),
    ("diarize", {"step": 10.0, "embed_every": 1}, True),
    ("diarize", {"step": 10.1, "embed_every": 1}, False),
    ("diarize", {"step": 0.0, "embed_every": 1}, False),
    ("diarize", {"step": 5.0, "embed_every": 2}, True),
    ("diarize", {"step": 5.0, "embed_every": 3}, False),
    ("diarize", {"min_speakers": 4, "max_speakers": 4}, True),
    ("diarize", {"min_speakers": 5, "max_speakers": 4}, False),
    ("episodes", {"host": "swap", "host_persona": " "}, False),
    ("episodes", {"host": "continue", "host_persona": " "}, True),
    ("examples", {"questions": [], "dialogue": True}, True),
    ("examples", {"questions": [], "dialogue": False}, False),
    ("examples", {"min_answer_words": 30, "max_answer_words": 30}, True),
    ("examples", {"min_answer_words": 30, "max_answer_words": 29}, False),
    ("examples", {"min_question_words": 9, "max_question_words": 9}, True),
    ("examples", {"min_question_words": 9, "max_question_words": 8}, False),
    ("examples", {"parts": "nothing"}, False),
    ("examples", {"chapter_titles": "nothing"}, False),
    ("parse", {"min_tokens": 20, "max_tokens": 20}, True),
    ("parse", {"min_tokens": 1, "max_tokens": 19}, False),
    ("parse", {"min_tokens": 41, "max_tokens": 40}, False),
    ("rate", {"methods": ["teach"], "criteria": {"clear": "It is clear."}, "about_source": []}, True),
    ("rate", {"methods": [], "criteria": {}, "about_source": []}, True),
    ("rate", {"methods": ["teach"], "criteria": {}, "about_source": []}, False),
    ("rate", {"methods": ["teach"], "criteria": {"clear": " "}, "about_source": []}, False),
    ("rate", {"methods": ["teach"], "criteria": {"clear": "It is."}, "about_source": ["true"]}, False),
    ("rate", {"methods": ["teach"], "criteria": {"clear": "It is."}, "about_source": ["clear"]}, False),
    ("split", {"validation": 0.5, "test": 0.49}, True),
    ("split", {"validation": 0.5, "test": 0.5}, False),
    ("teach", {"min_answer_words": 9, "max_answer_words": 9}, True),
    ("teach", {"min_answer_words": 9, "max_answer_words": 8}, False),
    ("teacher", {"max_cost": 1.0, "input_price": 1.0, "output_price": 0.0}, True),
    ("teacher", {"max_cost": 1.0, "input_price": 1.0, "output_price": None}, False),
    ("teacher", {"max_cost": 1.0, "input_price": None, "output_price": 1.0}, False),
    ("train", {"method": "full", "from_adapter": "models/other"}, False),
    ("train", {"method": "lora", "from_adapter": "models/other"}, True),
]


def check(section: str, values: dict[str, Any]) -> None:
    """Read a section with other values, as its stage does; those of a mapping or list take the whole place."""
    chosen = {**demo()[section], **values}
    params.parse(chosen, SECTIONS[section], f"section {section!r}")


@pytest.mark.parametrize(
    ("key", "accepted", "refused"), [*NUMBERS, *CHOICES], ids=lambda value: str(value)[:50]
)
def test_a_value_out_of_bounds_is_refused_by_its_name(
    key: str, accepted: list[Any], refused: list[Any]
) -> None:
    section, _, name = key.partition(".")
    for value in accepted:
        check(section, {name: value})
    for value in refused:
        with pytest.raises(LecternError) as caught:
            check(section, {name: value})
        assert name in str(caught.value), "the message names the parameter"


@pytest.mark.parametrize(("section", "values", "accepted"), TOGETHER, ids=lambda value: str(value)[:60])
def test_values_that_do_not_fit_together_are_refused_by_name(
    section: str, values: dict[str, Any], accepted: bool
) -> None:
    if accepted:
        check(section, values)
        return
    with pytest.raises(LecternError) as caught:
        check(section, values)
    told = str(caught.value)
    assert any(name in told for name in values) or "clear is 6.0" in told


def test_every_section_that_checks_its_values_is_tried() -> None:
    elsewhere = {"cleaner", "judge", "corpus", FREE}  # LLMs are as `teacher`; the rest has no bounds
    tried = {key.partition(".")[0] for key, *_ in [*NUMBERS, *CHOICES, *TOGETHER]}
    assert tried == set(demo()) - elsewhere
