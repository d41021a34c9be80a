"""What is asked about drawn passages, and which drawn replies become rows, is committed case by case."""

import json
import random
from typing import Any

from lectern.core.schema import Passage, passage_id
from lectern.llm import prompting
from lectern.llm.request import Reply, make_request
from lectern.llm.structured import find_problem
from lectern.settings.llm import LLM
from lectern.settings.teach import Teach
from lectern.teaching import methods, paragraphs, planning, writing
from tests.settings import configure
from tests.support import expected

SENTENCES = (
    "Honey keeps for years because it holds little water.",
    "Sealed jars need no refrigerator.",
    "Fresh fruit is water.",
    "Bees fan the nectar until it thickens.",
    "A jar of 500 grams holds the work of a hundred bees.",
    "日志显示服务做了什么。",
)
QUESTIONS = (
    "Why does honey keep for so long?",
    "What does the passage say?",
    "Why?",
    "How many bees fill a jar of 500 grams?",
    "According to the text, who fans the nectar of the bees until it thickens?",
    "cut off questio",
)
ANSWERS = (
    "Because it holds little water.",
    "It is so.",
    "The text says so.",
    "Water " * 60,
    "A hundred bees do, as the jar shows.",
    "",
)


def fill(draw: random.Random, schema: dict[str, Any], name: str = "") -> Any:
    """A value that mostly fits a schema."""
    if schema.get("type") == "object":
        return {key: fill(draw, part, key) for key, part in schema["properties"].items()}
    if schema.get("type") == "array":
        return [fill(draw, schema["items"], name) for _ in range(draw.randrange(1, 4))]
    return draw.choice({"evidence": SENTENCES, "question": QUESTIONS}.get(name, ANSWERS))


def test_lessons() -> None:
    found: dict[str, Any] = {}
    chosen = configure(
        Teach,
        methods=sorted(methods.METHODS),
        tokens_per_question=20,
        min_tokens=20,
        min_paragraph_words=4,
        max_answer_words=40,
    )
    prompts = {name: prompting.load(name) for name in chosen.methods}
    llm = configure(LLM, "test", "openai", "m", "http://127.0.0.1:1/v1")
    facts = {}
    for case in range(40):
        draw = random.Random(case)
        texts = [
            "\n\n".join(" ".join(draw.sample(SENTENCES, 3)) for _ in range(draw.randrange(1, 4)))
            for _ in range(2)
        ]
        passages = [
            Passage(
                id=passage_id("a", text),
                item="a",
                text=text,
                tokens=draw.choice([10, 60, 200]),
                language=draw.choice(["en", "de", None]),
                headings=draw.choice([[], ["Honey", "Jars"]]),
                page=draw.choice([None, 4]),
            )
            for text in texts
        ]
        plan = planning.plan(
            passages, chosen, prompts, lambda messages, schema: make_request(llm, messages, schema)
        )
        replies = {}
        for call in plan.calls:
            if draw.random() < 0.9 and call.request.schema is not None:
                said = json.dumps(fill(draw, dict(call.request.schema)))
                problem = find_problem(said, call.request.schema)
                replies[call.request.key] = Reply(
                    key=call.request.key,
                    model="m",
                    text=said,
                    problem=problem,
                    input_tokens=9,
                    output_tokens=3,
                )
        rows, told = writing.write(plan, replies, chosen, prompts)
        facts[str(case)] = told
        found[str(case)] = {
            "asked": [
                [call.method, call.ask, call.request.messages, call.request.schema] for call in plan.calls
            ],
            "skipped": plan.skipped,
            "rows": rows,
            "facts": told,
            "digest": writing.digest(plan, replies),
            "divided": paragraphs.divide(texts[0], 5, 20),
        }
    found["summary"] = writing.summarise(facts, [])
    expected.check_many("drawn/lessons.json", found)
