"""Score transcripts and diarizations against references, for the recordings that have one.

Run: python -m stages.score_speech        (dvc stage: score_speech)
Reads data/raw, data/transcripts, data/diarization and data/conversations, writes metrics/speech.json. If no recording
has a reference, it says so and succeeds.
"""

from pathlib import Path

from tqdm import tqdm

from lectern.core import io, items, params, paths, stage
from lectern.core.schema import Transcript
from lectern.evaluation import speech
from lectern.settings.score_speech import ScoreSpeech


def main(
    settings: ScoreSpeech,
    raw: Path = paths.RAW,
    transcripts: Path = paths.TRANSCRIPTS,
    diarization: Path = paths.DIARIZATION,
    conversations: Path = paths.CONVERSATIONS,
    metrics: Path = paths.METRICS / "speech.json",
) -> str:
    """Write the figures over all recordings that have a reference, and those of each recording."""
    words, turns, told = (items.read(folder) for folder in (transcripts, diarization, conversations))
    scored = {
        name: speech.score_item(
            raw / name / "truth.json",
            turns[name],
            told[name],
            language=io.read_json(words[name], Transcript).language,
            collar=settings.collar,
        )
        for name in tqdm(sorted(told), desc="score_speech", unit="item", disable=None)
        if (raw / name / "truth.json").is_file()
    }
    summary = speech.summarise(
        scored, resamples=settings.resamples, confidence=settings.confidence, seed=settings.seed
    )
    io.write_json(metrics, summary)
    if not scored:
        return "no recording has a truth.json beside it, so there is nothing to score"
    shown = ", ".join(f"{name} {summary[name]['value']:.3f}" for name in speech.FIGURES if name in summary)
    return f"{shown} on {len(scored)} recordings"


if __name__ == "__main__":
    stage.run("score_speech", lambda: main(params.load("score_speech", ScoreSpeech)))
