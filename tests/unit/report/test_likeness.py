from typing import Any

from lectern.report import likeness


def interval(value: float, low: float | None, high: float | None) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high, "n": 9}


FOUND = {
    "pool_words": 50,
    "answer_words": 40,
    "words": {"speaker": 12000, "others": 9000},
    "told_apart": interval(0.93, 0.85, 0.98),
    "contestants": {
        "base": interval(0.1, 0.05, 0.2),
        "base+sources": interval(0.2, 0.1, 0.3),
        "reference": interval(0.8, 0.7, 0.9),
        "tuned": interval(0.6, 0.5, 0.7),
    },
    "difference": {"tuned": interval(0.5, 0.3, 0.65), "reference": interval(0.7, 0.6, 0.8)},
}


def test_base_and_tuned_come_first_and_the_speakers_own_is_the_mark() -> None:
    shown = likeness.build(FOUND)
    assert shown is not None
    [figure] = shown["figures"]
    assert [(lane["name"], lane["text"]) for lane in figure["lanes"]] == [
        ("base", "10 %"),
        ("tuned", "60 %"),
        ("base+sources", "20 %"),
    ]
    assert figure["reference"]["text"] == "80 %"
    assert (figure["change"], figure["verdict"]) == ("+50", "better")
    assert shown["about"].startswith(
        "Each passage has 50 words of answers in a row, of each answer at most the first 40."
    )
    assert "12,000 words of the speaker and 9,000 of the base model" in shown["about"]
    assert "in 93 % of the pairs (85 to 98 %)" in shown["apart"]


def test_without_a_ceiling_or_an_interval_no_more_is_said() -> None:
    few = {**FOUND, "told_apart": interval(1.0, None, None)}
    assert "(too few passages for an interval)" in likeness.build(few)["apart"]  # type: ignore[index]
    sides = {name: part for name, part in FOUND["contestants"].items() if name != "reference"}  # type: ignore[attr-defined]
    alone = likeness.build({**FOUND, "told_apart": None, "contestants": sides})
    assert alone is not None
    assert (alone["apart"], alone["figures"][0]["reference"]) == ("", None)
    assert likeness.build({"why": "too little"}) is likeness.build({}) is None
