"""A model that tells what it writes while it writes it, and stops when it is asked to."""

from collections.abc import Callable
from threading import Event
from typing import Any


class StoppedError(Exception):
    """Somebody asked to stop before another answer began."""


class Watched:
    """Stands for a model where `tuning.generation` and `tuning.episodes` answer with one; one prompt at a time.

    So an answer is made by the same code as in the pipeline, and only listened to.
    """

    def __init__(self, model: Any, on_tokens: Callable[[list[int]], None], stop: Event) -> None:
        self._model, self._on_tokens, self._stop = model, on_tokens, stop

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def generate(self, **options: Any) -> Any:
        """As the model's; every token is told, all of this answer each time.

        Raises:
            StoppedError: it was asked to stop before.
        """
        import torch
        from transformers import StoppingCriteriaList

        if self._stop.is_set():
            raise StoppedError
        listener = _Listener(self._on_tokens)

        def asked_to_stop(ids: Any, scores: Any, **_: Any) -> Any:
            return torch.full((ids.shape[0],), self._stop.is_set(), device=ids.device, dtype=torch.bool)

        return self._model.generate(
            **options, streamer=listener, stopping_criteria=StoppingCriteriaList([asked_to_stop])
        )


class _Listener:
    """What transformers calls a streamer: given the prompt first, then each token."""

    def __init__(self, on_tokens: Callable[[list[int]], None]) -> None:
        self._on_tokens = on_tokens
        self._tokens: list[int] | None = None

    def put(self, value: Any) -> None:
        """Take in the prompt, or a token."""
        if self._tokens is None:
            self._tokens = []
            return
        self._tokens += value.flatten().tolist()
        self._on_tokens(self._tokens)

    def end(self) -> None:
        """The answer is whole."""
