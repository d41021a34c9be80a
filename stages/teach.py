"""Let a teacher LLM write examples from each passage, with a quotation from it as evidence.

Run: python -m stages.teach        (dvc stage: teach)
Reads data/passages; writes data/taught (one .jsonl per item and the manifest) and data/replies/teach, whose replies
save the next run's calls. metrics/teach.json counts calls, rows, and what was dropped, by method.
"""

import functools
from dataclasses import asdict, replace
from pathlib import Path

from lectern.core import io, items, params, paths, stage
from lectern.core.schema import Passage
from lectern.llm import client, prompting
from lectern.llm.request import make_request
from lectern.settings.llm import LLM
from lectern.settings.teach import Teach
from lectern.teaching import methods, planning, writing


def main(
    settings: Teach,
    teacher: LLM,
    passages: Path = paths.PASSAGES,
    out: Path = paths.TAUGHT,
    replies: Path = paths.REPLIES / "teach",
    metrics: Path = paths.METRICS / "teach.json",
) -> client.LLMStageResult:
    """Bring `out` to exactly one file of examples, possibly empty, per item with passages.

    Raises:
        LecternError: more calls than teacher.allow_failed got no reply; the answered ones are kept.
    """
    room = max(1, teacher.max_tokens // methods.ROW_TOKENS)
    choices = replace(settings, name="", max_questions=min(settings.max_questions, room))
    prompts = {method: prompting.load(method) for method in settings.methods}
    request = functools.partial(make_request, teacher)
    files = items.read(passages)
    plans = {
        name: planning.plan(io.read_jsonl(path, Passage), choices, prompts, request)
        for name, path in files.items()
    }
    requests = [call.request for plan in plans.values() for call in plan.calls]
    answers = client.ask(requests, teacher, replies, "teacher")
    result = items.sync(
        [
            items.Item(name, {"passages": path}, {"replies": writing.digest(plans[name], answers.replies)})
            for name, path in files.items()
        ],
        out,
        functools.partial(
            writing.load, plans=plans, replies=answers.replies, choices=choices, prompts=prompts
        ),
        suffix=".jsonl",
        params={**asdict(choices), "prompts": [prompt.version for prompt in prompts.values()]},
        code=(writing, planning),
    )
    io.write_json(metrics, writing.summarise(items.facts(out), answers.replies.values()))
    answers.check(teacher.allow_failed, "teacher")
    return client.LLMStageResult(result, answers)


if __name__ == "__main__":
    stage.run("teach", lambda: main(params.load("teach", Teach), params.load("teacher", LLM)))
