"""What is read out of drawn replies, whole and broken, is committed case by case."""

import json
import random
from typing import Any

from lectern.llm import structured
from tests.support import expected

ROW = structured.closed_object(
    question={"type": "string", "maxLength": 9}, score={"type": "integer", "minimum": 1}
)
SCHEMAS = (
    structured.closed_object(rows={"type": "array", "items": ROW, "minItems": 2, "maxItems": 3}),
    ROW,
    None,
)
VALUES: tuple[Any, ...] = (
    {"rows": [{"question": "Why?", "score": 3}, {"question": "How?", "score": 0}]},
    {"question": "Who?", "score": 2},
    [{"question": "a", "score": 1}],
    {"rows": []},
    {"question": "Why?", "score": "3"},
    {"question": "x" * 20, "score": 5},
    {"rows": [{"question": 1}]},
    "text",
    [],
)
AROUND = (
    "{}",
    "```json\n{}\n```",
    "Here it is: {} I hope it helps.",
    "<think>It holds {{1}}.</think>\n{}",
    "{} {}",
    "{},",
    "<think>cut off {}",
    "[{}",
    "```\n{}",
)


def test_replies() -> None:
    found: dict[str, Any] = {}
    for case in range(150):
        draw = random.Random(case)
        value = json.dumps(draw.choice(VALUES), indent=draw.choice([None, 1]))
        text = draw.choice(AROUND).replace("{}", value).replace("{{", "{").replace("}}", "}")
        if draw.random() < 0.3:
            text = text.replace("}", ",}") if draw.random() < 0.5 else text[: draw.randrange(len(text) + 1)]
        schema = draw.choice(SCHEMAS)
        read = structured.unwrap(text, schema, [draw.choice(["", value])])
        found[str(case)] = [text, read, structured.find_problem(read, schema)]
    for output in ("json_schema", "json_object", "prompt"):
        found[output] = [
            [structured.response_format(output, schema), structured.instruction(output, schema), schema]
            for schema in SCHEMAS
        ]
    found["strict"] = [structured.may_be_strict(schema) for schema in SCHEMAS[:2]]
    expected.check_many("drawn/replies.json", found)
