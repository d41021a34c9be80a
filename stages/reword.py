"""Let an LLM put training questions into other words, to ask what the tuned model knows.

Run: python -m stages.reword        (dvc stage: reword)
Reads data/splits/train.jsonl; writes data/reworded (a question a line, with the answer that was trained), the replies
of the LLM into data/replies/reword, and into metrics/rewording.json how many rewordings were kept and why not.
"""

from pathlib import Path

from lectern.answering import rewording
from lectern.core import io, params, paths, stage
from lectern.core.schema import Example
from lectern.llm import client, prompting
from lectern.settings.llm import LLM
from lectern.settings.reword import Reword


def main(
    settings: Reword,
    teacher: LLM,
    trained: Path = paths.TRAIN_SPLIT,
    out: Path = paths.REWORDED,
    replies: Path = paths.REPLIES / "reword",
    metrics: Path = paths.METRICS / "rewording.json",
) -> str:
    """Write the rewordings that are kept, in the order of their rows' ids.

    Raises:
        LecternError: more calls than `teacher.allow_failed` got no reply; the answered ones are written first.
    """
    prompt = prompting.load(settings.prompt)
    rows = io.read_jsonl(trained, Example)
    asked = rewording.draw(rows, settings.count, settings.seed)
    requests = [rewording.request(ask, row, teacher, prompt) for ask, row in asked]
    answers = client.ask(requests, teacher, replies, "teacher")
    decided = rewording.judge(
        asked,
        [answers.replies.get(request.key) for request in requests],
        rows,
        most_shared=settings.most_shared,
        least_similar=settings.least_similar,
    )
    io.write_jsonl(out, [one.question for one in decided if one.question is not None])
    counts = rewording.summarise(decided)
    io.write_json(metrics, {"model": teacher.model, "prompt": prompt.version, **counts})
    answers.check(teacher.allow_failed, "teacher")
    return f"{counts['kept']} of {counts['asked']} questions reworded, {answers.asked} calls"


if __name__ == "__main__":
    stage.run("reword", lambda: main(params.load("reword", Reword), params.load("teacher", LLM)))
