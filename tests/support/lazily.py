"""Import what is dear only when a test uses it, so that collecting the tests stays cheap."""

import importlib
from typing import Any


class Lazily:
    """A module that is imported when something of it is asked for, or set by monkeypatch."""

    def __init__(self, name: str) -> None:
        self.__dict__["name"] = name

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith(
            ("__", "_pytest", "_mock")
        ):  # pytest asks every name of a test file for these
            raise AttributeError(attribute)
        return getattr(importlib.import_module(self.name), attribute)

    def __setattr__(self, attribute: str, value: Any) -> None:
        setattr(importlib.import_module(self.name), attribute, value)

    def __delattr__(self, attribute: str) -> None:
        delattr(importlib.import_module(self.name), attribute)
