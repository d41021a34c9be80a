"""Diarization by a pipeline of pyannote.audio 4 (Plaquet & Bredin 2023, arXiv:2310.13025).

It runs in the environment that `make whisperx` builds: `diarize.python: python-whisperx`.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lectern.core.errors import LecternError
from lectern.core.printing import first_line
from lectern.core.schema import Diarization
from lectern.formats.audio import RATE, Samples, open_recording
from lectern.speech import environment, model_files
from lectern.speech.diarization import Diarize, describe_voices, find_facts, name_turns

if TYPE_CHECKING:
    from pyannote.audio import Pipeline
    from pyannote.audio.pipelines.speaker_diarization import DiarizeOutput


def load_engine(
    *,
    device: str,
    threads: int,
    batch_size: int,
    model: str,
    min_share: float,
    min_speakers: int,
    max_speakers: int,
) -> Diarize:
    """Load a pipeline of pyannote.audio.

    A model on the hub is read with the token in the environment (`HF_TOKEN`), which is written to no file. Load only
    models whose makers you trust: pyannote's checkpoints are pickles, and opening a pickle can run code.

    Args:
        device: "cpu" or "cuda".
        threads: CPU threads of torch.
        batch_size: number of windows that go through a model together.
        model: a name on the hub, such as `pyannote/speaker-diarization-community-1`, with `@REVISION` to pin it; or a
            directory with the pipeline's config.yaml.
        min_share: share of the speech below which a speaker is a ghost.
        min_speakers: least number of speakers in a recording.
        max_speakers: greatest number of speakers in a recording.

    Raises:
        LecternError: pyannote.audio is not installed in this Python, or the pipeline cannot be loaded.
    """
    environment.check_installed(("pyannote-audio",), "diarize")
    environment.quieten()
    import torch

    torch.set_num_threads(threads)
    pipeline = load_pipeline(model)
    pipeline.segmentation_batch_size = pipeline.embedding_batch_size = batch_size
    pipeline.to(torch.device(device))
    name = model_files.identify(model)

    def listen(samples: Samples) -> "DiarizeOutput":
        wave = {"waveform": torch.from_numpy(samples)[None], "sample_rate": RATE}
        return pipeline(wave, min_speakers=min_speakers, max_speakers=max_speakers)

    def diarize(item: str, media: Path) -> tuple[Diarization, Mapping[str, Any]]:
        with open_recording(media) as recording:
            output = listen(recording.read(0, len(recording)))
            found = read_output(item, recording.seconds, name, output, min_share)
            return found, find_facts(found, damaged_packets=recording.damaged)

    return diarize


def load_pipeline(model: str) -> "Pipeline":
    """Load the speaker diarization pipeline of that name or in that directory.

    Raises:
        LecternError: the pipeline cannot be loaded, or is of another kind.
    """
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError
    from pyannote.audio import Pipeline
    from pyannote.audio.pipelines import SpeakerDiarization

    name, _, revision = model.partition("@") if not Path(model).is_dir() else (model, "", "")
    try:
        pipeline = Pipeline.from_pretrained(name, revision=revision or None)
    except (GatedRepoError, RepositoryNotFoundError) as error:
        page = re.search(r"/([\w.-]+/[\w.-]+)/resolve/", str(error))
        repository = page[1] if page else name
        raise LecternError(
            f"diarize.model {model!r}: the hub refuses {repository} "
            + ("with this token" if os.environ.get("HF_TOKEN") else "without a token")
            + f". Accept its terms at https://hf.co/{repository} (and those of other models that the pipeline names), "
            "and put a token that may read it into the environment: export HF_TOKEN=... Or give a directory."
        ) from error
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, AttributeError, ImportError) as error:
        raise LecternError(
            f"diarize.model {model!r} cannot be loaded: {first_line(error)}. Give a pipeline's name on the "
            "hub (pyannote/speaker-diarization-community-1), or a directory with its config.yaml and the models it "
            "names; with HF_HUB_OFFLINE=1 the hub's cache must hold them."
        ) from error
    if not isinstance(pipeline, SpeakerDiarization):
        raise LecternError(
            f"diarize.model {model!r} is a {type(pipeline).__name__}, not a SpeakerDiarization. Give a pipeline for "
            "speaker diarization, such as pyannote/speaker-diarization-community-1."
        )
    pipeline.legacy = False  # the old kind of output has no embeddings
    return pipeline


def read_output(
    item: str, duration: float, model: str, output: "DiarizeOutput", min_share: float
) -> Diarization:
    """Read the turns and voices from the output of a pipeline.

    The turns are those of the exclusive diarization where the pipeline has one (community-1 does): where people speak
    at once, it names the one whom a recogniser most likely heard. Speakers are renamed in the order in which they are
    first heard. A speaker whose embedding the pipeline gives as zeros or NaN gets an empty one.
    """
    exclusive = getattr(output, "exclusive_speaker_diarization", None)
    runs = [
        (max(0.0, segment.start), min(segment.end, duration), label)
        for segment, _, label in (exclusive or output.speaker_diarization).itertracks(yield_label=True)
    ]
    turns, names = name_turns(runs)
    rows = zip(output.speaker_diarization.labels(), output.speaker_embeddings, strict=True)
    embeddings = {names[label]: _to_unit(row) for label, row in rows if label in names}
    voices = describe_voices(turns, embeddings, min_share)
    return Diarization(item=item, duration=duration, model=model, turns=turns, voices=voices)


def _to_unit(vector: NDArray[np.floating]) -> list[float]:
    length = float(np.linalg.norm(vector))
    return (vector / length).tolist() if np.isfinite(length) and length > 0 else []
