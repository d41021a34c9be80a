"""The stage `score` in a folder: which sentences of the answers have a source, and what is said without sources."""

from pathlib import Path
from typing import Any, Literal

import pytest

from lectern.core import io
from lectern.core.schema import (
    AnswerSupport,
    Episode,
    EpisodeTurn,
    Example,
    Message,
    Prediction,
    Provenance,
    Unit,
)
from lectern.evaluation.rows import LikenessRank, RowScore
from lectern.evaluation.support_figures import NO_SENTENCES, NO_SOURCES
from lectern.settings.score import Score
from stages import score
from tests.settings import configure
from tests.support import expected
from tests.support.hands import write
from tests.support.review_repo import write_manifest
from tests.support.searched import SPEECH, unit, units

WORDS = configure(Score, similarity=None, resamples=200)
CHEESE, BRIDGES = SPEECH["cheese"], SPEECH["bridges"]
TRUE = f"{CHEESE[0]} {CHEESE[1]}"
FALSE = "The moon is made of green paper. A wheel of hard cheese ripens in the cellar for ninety months."


def answer(number: int, text: str, reference: str | None = TRUE, set: str = "held_out") -> Prediction:
    return Prediction(
        id=f"{number:016x}",
        set=set,
        messages=[Message(role="user", content=f"question {number}")],
        reference=reference,
        prediction=text,
        finished=True,
        nll=10.0 if reference else None,
        tokens=5 if reference else None,
        provenance=Provenance(item="cheese", start=float(number), method="m"),
    )


def run(data: Path, known: list[Unit] | None, **answers: list[Prediction]) -> dict[str, Any]:
    """Score the answers; `known` None stands for a run that never made data/index."""
    for name, rows in answers.items():
        io.write_jsonl(data / f"predictions/{name}.jsonl", rows)
    for name in ("base", "tuned"):
        io.write_jsonl(data / f"episodes/{name}.jsonl", [])
    row = Example.of(
        [Message(role="user", content="how?"), Message(role="assistant", content="so")],
        Provenance(item="t", method="m"),
    )
    for split, rows in (("train", [row]), ("validation", []), ("test", [])):
        io.write_jsonl(data / f"splits/{split}.jsonl", rows)
    if known is not None:
        by_item: dict[str, list[Unit]] = {}
        for one in known:
            by_item.setdefault(one.provenance.item, []).append(one)
        for item, own in by_item.items():
            io.write_jsonl(data / f"index/{item}.jsonl", own)
        write_manifest(data / "index", list(by_item), ".jsonl")
    said = score.main(WORDS, data, data / "metrics")
    asked = {(one.set, one.id) for one in answers.get("base", [])}
    assert said == f"{len(asked)} questions, 0 episodes"
    return io.read_plain(data / "metrics/support.json")


def figures(data: Path) -> dict[str, Any]:
    return io.read_plain(data / "metrics/scores.json")


def supported(data: Path) -> dict[tuple[str, str], list[str | None]]:
    """Id and contestant -> the item of each sentence's source."""
    return {
        (one.id, one.contestant): [
            sentence.source and sentence.source.provenance.item for sentence in one.sentences
        ]
        for one in io.read_jsonl(data / "support.jsonl", AnswerSupport)
    }


def test_each_contestant_has_the_share_of_its_sentences_with_a_source(tmp_path: Path) -> None:
    base = [answer(at, f"{CHEESE[0]} {FALSE} Is it?") for at in range(8)]
    tuned = [answer(at, f"{CHEESE[0]} {BRIDGES[1]}") for at in range(8)]
    other = [answer(0, "Yes.")]
    about = run(tmp_path, units(), base=base, tuned=tuned, other=other)
    found = figures(tmp_path)
    assert found["base"]["support"]["value"] == pytest.approx(1 / 3, abs=1e-6)
    assert found["tuned"]["support"]["value"] == 1.0
    assert found["difference"]["support"]["low"] > 0
    # property: an answer without such a sentence does not measure it, and people's own answers do
    assert "support" not in found["comparators"]["other"]["scores"]
    assert found["reference"]["support"] == {"value": 1.0, "low": 1.0, "high": 1.0, "n": 8}
    assert (about["units"], about["items"], about["questions"], about["sentences"]) == (6, 2, 8, 40)
    first = f"{0:016x}"
    assert supported(tmp_path)[first, "base"] == ["cheese", None, None, None]
    assert supported(tmp_path)[first, "tuned"] == ["cheese", "bridges"]
    assert supported(tmp_path)[first, "other"] == [None]
    # property: the addends stand in the rows, so that two runs can be compared
    row = io.read_jsonl(tmp_path / "scores.jsonl", RowScore)[0]
    assert row.answers["base"].more["support"] == [1.0, 3.0]


@pytest.mark.parametrize("known", [None, []])
def test_without_sources_it_says_why(tmp_path: Path, known: list[Unit] | None) -> None:
    about = run(tmp_path, known, base=[answer(0, TRUE)], tuned=[answer(0, TRUE)])
    assert about == {"why": NO_SOURCES}
    assert "retrieval.contestants" in NO_SOURCES
    assert "support" not in figures(tmp_path)["tuned"]
    assert supported(tmp_path) == {}


def test_answers_without_a_sentence_say_why(tmp_path: Path) -> None:
    about = run(tmp_path, units(), base=[answer(0, "", "Yes.")], tuned=[answer(0, "Is it?", "Yes.")])
    assert about == {"why": NO_SENTENCES}
    assert "support" not in figures(tmp_path)["tuned"]


def test_a_script_without_spaces_is_measured(tmp_path: Path) -> None:
    said = "我们在早上五点挤奶。硬奶酪在地窖里放十个月。"
    base, tuned = answer(0, "桥是用石头造的。", said), answer(0, said, said)
    run(tmp_path, [unit("奶酪", 0, said), *units()], base=[base], tuned=[tuned])
    assert figures(tmp_path)["base"]["support"]["value"] == 0.0
    assert figures(tmp_path)["tuned"]["support"]["value"] == 1.0


def test_of_many_questions_some_are_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lectern.evaluation.support_figures.MOST_QUESTIONS", 3)
    rows = [answer(at, TRUE) for at in range(9)]
    assert run(tmp_path, units(), base=rows, tuned=rows)["questions"] == 3
    assert figures(tmp_path)["tuned"]["support"]["n"] == 3
    assert len(supported(tmp_path)) == 6


def in_hand(name: str, topic: str, seed: str, known: str) -> list[Prediction]:
    """Answers of one hand to 20 held-out and 8 of people's questions, some of which have no true answer."""
    texts, true = write(name, topic, 28, seed, 5), write("hers", "sea", 28, "true", 5)
    rows = []
    for at, text in enumerate(texts):
        one = answer(at, f"{text} {known}" if at % 4 == 0 else text, true[at] if at % 9 else None)
        place = one.provenance.model_copy(update={"item": f"talk-{at % 5}"})
        rows.append(
            one.model_copy(
                update={
                    "set": "held_out" if at < 20 else "people",
                    "places": [] if at < 20 else ["seen-1" if at % 2 else "talk-1"],
                    "finished": at % 3 > 0,
                    "nll": one.nll and 30.0 + (at * 7) % 5 + (name == "theirs") * (5 + at % 3),
                    "tokens": one.tokens and 12 + at % 4,
                    "provenance": place,
                }
            )
        )
    return sorted(rows, key=lambda row: (row.set, row.id))


def episode(number: int, ended: Literal["closing", "turns"], *turns: str) -> Episode:
    spoken = [
        EpisodeTurn(role="guest" if n % 2 else "host", text=text, finished=n != 2) for n, text in enumerate(turns)
    ]  # fmt: skip
    return Episode(id=f"{number:016x}", opening=turns[0], guest="Joe", turns=spoken, ended=ended)


def test_every_figure_of_a_run(tmp_path: Path) -> None:
    data, copied = tmp_path / "data", " ".join(write("hers", "sea", 1, "seen-1", 12)[0].split()[:9])
    trained = [
        Example.of(
            [Message(role="user", content=f"Why {n}?"), Message(role="assistant", content=text)],
            Provenance(item=f"seen-{n}", method="qa"),
        )
        for n in range(8)
        for text in write("hers", "sea", 3, f"seen-{n}", 12)
    ]
    held = [
        row.model_copy(update={"provenance": Provenance(item=f"talk-{n}", method="qa")})
        for n, row in enumerate(trained[:5])
    ]
    for split, rows in (("train", trained), ("validation", held[4:]), ("test", held[:4])):
        io.write_jsonl(data / f"splits/{split}.jsonl", rows)
    tuned = in_hand("hers", "sea", "tuned", f"{copied}. {CHEESE[0]} {BRIDGES[1]}")
    answers = {
        "base": in_hand("theirs", "sea", "base", FALSE),
        "tuned": tuned,
        "other": in_hand("theirs", "bread", "other", "Yes."),
    }
    for name, rows in answers.items():
        io.write_jsonl(data / f"predictions/{name}.jsonl", rows)
    clean = [row.model_copy(update={"prediction": row.prediction.rpartition(".")[0]}) for row in tuned]
    io.write_jsonl(data / "cleaned/tuned.jsonl", clean)
    io.write_jsonl(data / "background/base.jsonl", in_hand("theirs", "sea", "background", ""))
    for item in SPEECH:
        io.write_jsonl(data / f"index/{item}.jsonl", [one for one in units() if one.provenance.item == item])
    write_manifest(data / "index", list(SPEECH), ".jsonl")
    episodes = {
        "base": [episode(n, "turns", "Hello.", "[INST] Why?", "We keep it. We keep it all.") for n in range(7)],
        "tuned": [episode(n, "closing", "Hello.", f"{copied} {n}", "Yes.", "Host: No.") for n in range(8)],
    }  # fmt: skip
    for name, made in episodes.items():
        io.write_jsonl(data / f"episodes/{name}.jsonl", made)
    assert score.main(WORDS, data, tmp_path / "metrics") == "28 questions, 7 episodes"
    for name in ("scores", "support", "likeness", "episodes"):
        expected.check(f"score/{name}.json", io.read_plain(tmp_path / f"metrics/{name}.json"))
    rows: dict[str, Any] = {
        "rows": io.read_jsonl(data / "scores.jsonl", RowScore),
        "sentences": io.read_jsonl(data / "support.jsonl", AnswerSupport),
        "ranks": io.read_jsonl(data / "likeness/ranks.jsonl", LikenessRank),
        "knowledge": [*io.read_plain(tmp_path / "metrics/knowledge.json").items()],
    }
    expected.check_many(
        "score/rows.json", {f"{kind} {at}": one for kind, some in rows.items() for at, one in enumerate(some)}
    )
