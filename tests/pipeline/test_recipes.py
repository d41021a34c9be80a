"""The recipes for real engines, run offline: their own conversations and examples, heard by the packaged engines."""

from collections.abc import Callable

import pytest

from lectern.core import io, items
from lectern.core.schema import Conversation, Example
from tests.pipeline.conftest import Checkout

pytestmark = pytest.mark.slow

OFFLINE = (
    "corpus=demo",
    "transcribe=embedded",
    "diarize=embedded",
    "train=smoke",
    "generate.max_new_tokens=16",
    "judging.pairs=false",
    "judging.rubric=false",
    "judging.labels=[]",
    "episodes.turns=4",
    "episodes.max_turn_tokens=16",
    "generate.background=4",
    "forget.words=300",
    "forget.questions=4",
    "forget.refusals=2",
    "forget.max_new_tokens=8",
)
MODELS = {"question_videos": "tiny_llama", "podcast": "tiny_mistral"}


def test_both_recipes_run_from_one_set_of_transcripts(fresh: Callable[[str], Checkout]) -> None:
    checkout = fresh("smoke")
    for path in (checkout.root / "data/sources/demo").glob("talk-*"):
        if path.name >= "talk-06":  # five talks say as much
            path.unlink()
    for recipe, model in MODELS.items():
        overrides = (f"recipe={recipe}", f"base_model={model}", *OFFLINE)
        checkout.run("python", "-m", "lectern", "params", *overrides)
        ran = checkout.repro()
        assert ran["converse"].startswith("made 5")
        assert recipe == "question_videos" or "transcribe" not in ran, "what was heard is kept"

        data = checkout.root / "data"
        told = [io.read_json(path, Conversation) for path in items.read(data / "conversations").values()]
        roles = {u.role for conversation in told for u in conversation.utterances} - {"unknown"}
        assert roles == ({"main", "audience"} if recipe == "question_videos" else {"host", "guest"})

        rows = [
            row for path in items.read(data / "examples").values() for row in io.read_jsonl(path, Example)
        ]
        methods = {row.provenance.method for row in rows}
        assert methods == (
            {"description_questions"} if recipe == "question_videos" else {"question_turns", "dialogue"}
        )
        assert {row.messages[0].role for row in rows} == {"user"}, "who asks comes first"
        assert len({row.provenance.item for row in rows}) == 5
        assert (checkout.root / "metrics/report.html").is_file()
