"""The comparison of an export with its original: when it warns, and what the server is given room for."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lectern.core import io
from lectern.llm import llama_server
from lectern.publishing import exporting, fidelity
from lectern.publishing.fidelity import Asked


def compare(
    folder: Path, patch: pytest.MonkeyPatch, *, same: dict[str, float | None], prompt: int = 200
) -> tuple[list[str], dict[str, Any], list[int]]:
    """What is said and written of an export whose files give these shares, and the contexts of their servers."""
    (folder / "test.jsonl").write_text("")
    contexts: list[int] = []
    kinds = iter(same)
    servers = iter(same)

    def start(file: Path, *, name: str, context: int, parallel: int) -> Any:
        assert str(file).endswith(f"-{next(servers)}.gguf")
        contexts.append(context)
        return SimpleNamespace(listening_address="", close=lambda: None)

    asked = [Asked([], [1] * prompt, [2] * 8, frozenset()), Asked([], [1], [2] * 8, frozenset())]
    patch.setattr(exporting, "ask_original", lambda model, out: asked)
    patch.setattr(llama_server, "start", start)
    patch.setattr(fidelity, "measure", lambda address, asked: {"same_tokens": same[next(kinds)]})
    model: Any = SimpleNamespace(name="lectern-x", test=folder / "test.jsonl")
    said: list[str] = []
    parts = exporting._Parts(folder / "out", said.append)
    exporting._measure(model, folder / "out", parts, folder / "export.json", ["decides"])
    exporting._measure(model, folder / "out", parts, folder / "export.json", ["decides"])
    assert str(parts.counted) == "made 1, kept 1", "the second time nothing is compared"
    return said, io.read_plain(folder / "export.json"), contexts


@pytest.mark.parametrize(("share", "warned"), [(0.31, True), (0.8999, True), (0.9, False), (1.0, False)])
def test_eight_bits_that_say_something_else_are_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: float, warned: bool
) -> None:
    said, written, _ = compare(tmp_path, monkeypatch, same={"q8_0": share, "q4_k_m": 0.2})
    # property: 4 bits may differ, 8 bits should not
    assert any(f"warning: q8_0 gives only {share:.0%}" in line for line in said) == warned
    assert (written["q8_0"], written["q4_k_m"]) == ({"same_tokens": share}, {"same_tokens": 0.2})


def test_an_original_that_says_nothing_is_nothing_to_warn_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said, written, _ = compare(tmp_path, monkeypatch, same={"q8_0": None, "q4_k_m": None})
    assert not [line for line in said if "warning" in line]
    assert written["q8_0"] == {"same_tokens": None}


@pytest.mark.parametrize(("prompt", "context"), [(1, 256), (247, 256), (248, 512), (504, 768)])
def test_the_longest_prompt_fits_the_servers_context_with_its_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prompt: int, context: int
) -> None:
    *_, contexts = compare(tmp_path, monkeypatch, same={"q8_0": 1.0, "q4_k_m": 1.0}, prompt=prompt)
    # property: room for the 8 tokens of the answer and one more, in the steps that llama.cpp takes
    assert contexts == [context, context]
