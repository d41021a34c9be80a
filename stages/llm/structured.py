"""Is a reply what its request asked for?"""

import json
from collections.abc import Mapping
from typing import Any


def find_problem(text: str, schema: Mapping[str, Any] | None) -> str | None:
    """Why `text` does not fit the JSON schema, in one line that a person or the LLM can act on; None when it fits."""
    if schema is None:
        return None if text.strip() else "the reply is empty"
    from jsonschema import Draft202012Validator

    try:
        value = json.loads(text)
    except ValueError as error:
        return f"the reply is not JSON: {error}"
    wrong = min(Draft202012Validator(schema).iter_errors(value), key=str, default=None)
    if wrong is None:
        return None
    where = "/".join(str(part) for part in wrong.absolute_path) or "the reply"
    return f"{where}: {wrong.message[:200]}"
