"""Scores of transcripts and diarizations whose right value is known by hand."""

from pathlib import Path

import pytest

from lectern.core import io
from lectern.core.schema import Conversation, Diarization, SpeakerTurn, Utterance, Voice, Word
from lectern.evaluation.speech import (
    Token,
    Truth,
    align_words,
    count_right_speakers,
    measure_der,
    score_item,
    summarise,
)

OPTIONS = {"resamples": 200, "confidence": 0.95, "seed": 0}
SPOKEN = [("host", 0.0, 4.0, "Why do we sleep?"), ("expert", 5.0, 9.0, "Eight hours, to rest.")]


def write(
    folder: Path, heard: list[tuple[str, str]], turns: list[tuple[str, float, float]]
) -> dict[str, Path]:
    utterances = []
    for speaker, text in heard:
        words = [Word(text=token, start=0, end=1) for token in text.split()]
        utterances.append(Utterance(speaker=speaker, role="host", words=words))
    paths = {name: folder / f"{name}.json" for name in ("truth", "diarization", "conversation")}
    told = [dict(zip(("speaker", "start", "end", "text"), turn, strict=True)) for turn in SPOKEN]
    io.write_json(paths["truth"], {"turns": told, "questions": []})
    found = [SpeakerTurn(speaker=s, start=a, end=b) for s, a, b in turns]
    voices = {s: Voice(seconds=1, longest=1, share=1, ghost=False, embedding=[1.0]) for s, *_ in turns}
    io.write_json(
        paths["diarization"], Diarization(item="i", duration=10, model="m", turns=found, voices=voices)
    )
    io.write_json(
        paths["conversation"],
        Conversation(
            item="i", title="", url=None, description="", language="en", duration=10, utterances=utterances
        ),
    )
    return paths


def test_a_perfect_hearing_scores_perfectly_whatever_the_labels_and_the_spelling(tmp_path: Path) -> None:
    # Property: labels are anonymous, and case, punctuation and number words are no errors.
    heard = [("speaker_2", "why do WE sleep"), ("speaker_1", "8 hours to rest")]
    paths = write(tmp_path, heard, [("speaker_2", 0, 4), ("speaker_1", 5, 9)])
    scored = score_item(**paths, language="en", collar=0.25)
    summary = summarise({"i": scored}, **OPTIONS)
    assert (summary["items"], summary["words"], summary["seconds"]) == (1, 8, 10)
    values = {name: summary[name]["value"] for name in ("wer", "der", "word_speaker_accuracy")}
    assert values == {"wer": 0, "der": 0, "word_speaker_accuracy": 1}
    assert summary["speaker_count_accuracy"]["value"] == 1


def test_each_error_counts_once(tmp_path: Path) -> None:
    # By hand: of 8 words one replaced and one lost is 2/8; of 7 aligned words one has the wrong speaker; of 8 s one
    # is missed and one is the other's.
    heard = [("a", "why do you sleep"), ("a", "8"), ("b", "hours to")]
    paths = write(tmp_path, heard, [("a", 0, 4), ("a", 5, 6), ("b", 6, 8)])
    scored = score_item(**paths, language="en", collar=0.25)
    assert (scored["word_errors"], scored["aligned_words"], scored["words_of_right_speaker"]) == (2, 7, 6)
    assert scored["der"] == {"missed": 1, "false_alarm": 0, "confusion": 1, "speech": 8}


def test_the_collar_is_on_each_side_of_a_boundary(tmp_path: Path) -> None:
    # Property: a boundary 0.2 s off is free with a collar of 0.25 s, and one 0.4 s off costs 0.15 s.
    paths = write(tmp_path, [], [("a", 0.2, 4), ("b", 5.4, 9)])
    true, found = io.read_json(paths["truth"], Truth), io.read_json(paths["diarization"], Diarization)
    assert measure_der(true, found, 0.0)["missed"] == pytest.approx(0.6)
    assert measure_der(true, found, 0.25)["missed"] == pytest.approx(0.15)


def test_the_best_map_is_one_to_one() -> None:
    # Property: two true speakers that were merged under one label cannot both be right.
    assert count_right_speakers([("a", "x"), ("a", "x"), ("b", "x")]) == 2
    assert count_right_speakers([("a", "x"), ("b", "y"), ("b", "y")]) == 3
    assert count_right_speakers([]) == 0


def test_nothing_heard_is_all_errors_and_no_crash(tmp_path: Path) -> None:
    scored = score_item(**write(tmp_path, [], []), language="en", collar=0.25)
    summary = summarise({"i": scored}, **OPTIONS)
    assert (summary["wer"]["value"], summary["der"]["value"]) == (1, 1)
    assert "word_speaker_accuracy" not in summary  # it rests on no word
    assert summary["by_item"]["i"]["word_speaker_accuracy"] is None


def test_no_truth_is_no_figure() -> None:
    assert summarise({}, **OPTIONS) == {"items": 0}


def test_each_recording_weighs_by_its_words_and_a_share_is_of_what_it_counts(tmp_path: Path) -> None:
    # By hand: 2 wrong words of 8, and none of 2, are 2 of 10. A mean of both rates would be 1 of 8.
    wrong = score_item(
        **write(
            tmp_path, [("a", "why do you sleep"), ("a", "8"), ("b", "hours to")], [("a", 0, 4), ("b", 5, 9)]
        ),
        language="en",
        collar=0.25,
    )
    right = score_item(
        **write(tmp_path, [("a", "why do we sleep"), ("b", "8 hours to rest")], [("a", 0, 4), ("b", 5, 9)]),
        language="en",
        collar=0.25,
    )
    short = {**right, "words": 2, "aligned_words": 2, "words_of_right_speaker": 2, "word_errors": 0}
    summary = summarise({"a": wrong, "b": short}, **OPTIONS)
    assert (summary["items"], summary["words"], summary["seconds"]) == (2, 10, 20)
    assert summary["wer"]["value"] == pytest.approx(2 / 10)
    assert summary["word_speaker_accuracy"]["value"] == pytest.approx(8 / 9)
    assert {name: one["wer"] for name, one in summary["by_item"].items()} == {"a": 0.25, "b": 0.0}


def test_words_that_nobody_spoke_are_errors_and_no_crash(tmp_path: Path) -> None:
    paths = write(tmp_path, [("a", "thank you"), ("b", "bye")], [("a", 0, 4)])
    io.write_json(paths["truth"], {"turns": [], "questions": []})
    scored = score_item(**paths, language="en", collar=0.25)
    assert (scored["words"], scored["word_errors"], scored["aligned_words"]) == (0, 3, 0)
    assert (scored["true_speakers"], scored["der"]["false_alarm"], scored["der"]["speech"]) == (0, 4, 0)


def test_the_turns_of_the_truth_count_in_the_order_of_time_however_they_are_written(tmp_path: Path) -> None:
    paths = write(
        tmp_path, [("a", "why do we sleep"), ("b", "eight hours to rest")], [("a", 0, 4), ("b", 5, 9)]
    )
    before = score_item(**paths, language="en", collar=0.25)
    truth = io.read_plain(paths["truth"])
    io.write_json(paths["truth"], {**truth, "turns": truth["turns"][::-1]})
    assert score_item(**paths, language="en", collar=0.25) == before
    assert before["word_errors"] == 0


def test_a_voice_that_is_no_speaker_is_not_counted_as_one(tmp_path: Path) -> None:
    paths = write(tmp_path, [], [("a", 0, 4), ("b", 5, 9), ("cough", 9, 10)])
    found = io.read_json(paths["diarization"], Diarization)
    voices = found.voices | {"cough": found.voices["cough"].model_copy(update={"ghost": True})}
    io.write_json(paths["diarization"], found.model_copy(update={"voices": voices}))
    scored = score_item(**paths, language="en", collar=0.25)
    assert (scored["true_speakers"], scored["found_speakers"]) == (2, 2)


def test_words_without_a_counterpart_are_an_error_each() -> None:
    # Property: a recording in which nothing is said, or nothing is heard, counts each word of the other side once.
    why, not_ = Token("why", "a"), Token("not", "b")
    assert align_words([], []) == (0, [])
    assert align_words([why, not_], []) == (2, [])
    assert align_words([], [why, not_, why]) == (3, [])
    assert align_words([why, not_], [why]) == (1, [("a", "a")])
