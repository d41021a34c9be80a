"""What a stage takes for one long recording: peak memory of its process, and seconds for each second of sound.

Run from the root: python -m tests.benchmarks.long_recording [--stage transcribe|diarize] [--hours 3] [KEY=VALUE ...]
Makes an mp3 of that length from the demo's talks, one after the other, over and over, and runs the stage on it in a
temporary folder, with the parameters of params.yaml; `transcribe.threads=1` changes one.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import av
from omegaconf import OmegaConf

ROOT = Path(__file__).parents[2]
TALKS = sorted((ROOT / "data/sources/demo").glob("*.mp3"))


def join_talks(talks: Iterable[Path], path: Path, seconds: float) -> float:
    """Write the talks' own packets, one talk after the other, up to a length; return the seconds written."""
    with av.open(str(path), "w") as out:
        stream, at = None, 0
        for talk in talks:
            with av.open(str(talk)) as source:
                stream = stream or out.add_stream_from_template(source.streams.audio[0])
                for packet in source.demux(source.streams.audio[0]):
                    if packet.dts is None:
                        continue
                    packet.stream, packet.pts, packet.dts = stream, at, at
                    at += packet.duration
                    done = float(at * source.streams.audio[0].time_base)
                    out.mux(packet)
            if done >= seconds:
                break
    return done


def run_stage(stage: str, recordings: Mapping[str, Path], folder: Path, overrides: Iterable[str]) -> dict:
    """Run a stage on recordings in a folder of its own; return its time and memory."""
    for name, media in recordings.items():
        own = folder / "data/raw" / name
        own.mkdir(parents=True)
        (own / media.name).symlink_to(media)
        record = {"item": name, "kind": "media", "title": name, "media": media.name}
        (own / "item.json").write_text(json.dumps(record))
    chosen = OmegaConf.merge(OmegaConf.load(ROOT / "params.yaml"), OmegaConf.from_dotlist(list(overrides)))
    OmegaConf.save(chosen, folder / "params.yaml")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", f"stages.{stage}"]
    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=sys.stderr)
    return json.loads((folder / f"metrics/runtime/{stage}.json").read_text())


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stage", choices=("transcribe", "diarize"), default="transcribe")
    parser.add_argument("--hours", type=float, default=3.0)
    parser.add_argument("overrides", nargs="*")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        media = Path(scratch) / "long.mp3"
        seconds = join_talks(itertools.cycle(TALKS), media, arguments.hours * 3600)
        usage = run_stage(arguments.stage, {"long": media}, Path(scratch), arguments.overrides)
        facts = json.loads(next(Path(scratch).glob("data/*/_manifest.json")).read_text())["items"]["long"][
            "facts"
        ]
    print(
        f"{arguments.stage}: {seconds / 3600:.2f} h in {usage['seconds']:.0f} s (real-time factor "
        f"{usage['seconds'] / seconds:.3f}, CPU {usage['cpu_seconds'] / seconds:.3f}), peak memory "
        f"{usage['peak_memory_mb']} MB"
    )
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
