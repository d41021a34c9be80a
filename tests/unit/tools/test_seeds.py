"""`lectern seeds` and `lectern curve` on a toy pipeline, whose figures are known functions of seed and items: only what
depends on the parameter runs, a kill loses nothing that is finished, and the workspace stays as it is.
"""

import copy
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from lectern.core import io
from lectern.core.errors import LecternError
from lectern.tools import curve, seeds
from lectern.tools.repeating import reruns
from lectern.tools.searching import experiments
from tests.support.activation import NOT_ACTIVATED
from tests.support.made_up_rows import row

ITEMS = 12
CONF = """
split:
  by: item
  seed: 1
  validation: 0.15
  test: 0.2
  train_items: null
  train_draw: 0
  near_duplicate_threshold: 0.8
  on_leak: fail
train:
  rate: 1.0
  seed: 4
episodes:
  openings: [talks]
  held_out: 1
"""
# The figure of a row is a law of the number of items, and seed and row move it by fixed amounts.
STAGES = {
    "train.py": """
import json, os, pathlib, signal, sys
from omegaconf import OmegaConf
params = OmegaConf.load("params.yaml")
rows = [json.loads(line) for line in pathlib.Path("data/splits/train.jsonl").read_text().splitlines()]
items = len({row["provenance"]["item"] for row in rows})
with open(os.environ["TALLY"], "a") as tally:
    print("train", params.train.seed, items, file=tally)
lines = [line for line in pathlib.Path(os.environ["TALLY"]).read_text().splitlines() if line.startswith("train")]
if len(lines) == int(os.environ.get("KILLED_AT", 0)):
    os.killpg(0, signal.SIGKILL)
if params.train.seed == int(os.environ.get("FAILS_FOR", -1)):
    sys.exit("train: error: the seed is bad; take another")
pathlib.Path("models").mkdir(exist_ok=True)
pathlib.Path("models/adapter.json").write_text(json.dumps([params.train.seed, items, params.train.rate]))
""",
    "play.py": """
import os, pathlib
from omegaconf import OmegaConf
with open(os.environ["TALLY"], "a") as tally:
    print("play", len(OmegaConf.load("params.yaml").episodes.openings), file=tally)
pathlib.Path("data/episodes.txt").write_text("episodes")
""",
    "score.py": """
import json, pathlib
from lectern.core import io
from lectern.evaluation import summary
from lectern.evaluation.rows import AnswerScore, RowScore
seed, items, rate = json.loads(pathlib.Path("models/adapter.json").read_text())
def answer(nll):
    return AnswerScore(words=3, distinct1=None, distinct2=None, fourgrams=0, repeated_fourgrams=0, copied_words=0,
        longest_copy=0, finished=True, nll=10 * nll, tokens=10, rougeL=0.5)
def noise(*parts):
    return (hash(parts) % 1000 / 999 - 0.5)
rows = [RowScore(id=f"r{n}", set="held_out", item="talk", reference_words=3, reference_bytes=20, answers={
    "base": answer(6 + n % 3),
    "tuned": answer(4 + n % 3 + 3 * items ** -0.5 + 0.2 * noise(seed) + 0.05 * noise(seed, n)),
    }) for n in range(20)]
io.write_jsonl(pathlib.Path("data/scores.jsonl"), rows)
io.write_json(pathlib.Path("metrics/scores.json"), summary.summarise(rows, seed=0, resamples=500, confidence=0.95))
""",
}
PIPELINE = """
stages:
  split:
    cmd: python -m stages.split
    deps: [data/curated.jsonl]
    params: [split]
    outs: [data/splits]
    metrics:
      - metrics/leakage.json: {cache: false}
  train:
    cmd: python train.py
    deps: [train.py, data/splits]
    params: [train]
    outs: [models/adapter.json]
  play:
    cmd: python play.py
    deps: [play.py, models/adapter.json]
    params: [episodes]
    outs: [data/episodes.txt]
  score:
    cmd: python score.py
    deps: [score.py, models/adapter.json, data/episodes.txt]
    outs: [data/scores.jsonl]
    metrics:
      - metrics/scores.json: {cache: false}
  report:
    cmd: python -c "import os; print('report', file=open(os.environ['TALLY'], 'a'))"
    deps: [metrics/scores.json]
    params: [train.seed]
"""


class Toy:
    """A repository with a finished and committed run."""

    def __init__(self, root: Path) -> None:
        self.root = root / "repo"
        self.tally = root / "tally"
        self.tally.touch()
        rows = [
            row(f"What is thing {n} of {item}?", f"It is {n} times {item} {n * item}.", f"talk-{item}")
            for item in range(ITEMS)
            for n in range(2)
        ]
        for name, text in {
            "conf/config.yaml": CONF.replace(
                "rate: 1.0", "rate: 9.0"
            ),  # params.yaml is not what conf/ composes
            "params.yaml": CONF,
            "dvc.yaml": PIPELINE,
            "data/curated.jsonl": io.to_lines(rows),
            ".gitignore": "data/curated.txt\nmetrics/runtime/\n",
            **STAGES,
        }.items():
            io.write_text(self.root / name, text)
        self.run("git", "init", "-q", "-b", "main")
        self.run("git", "config", "user.name", "Test")
        self.run("git", "config", "user.email", "test@example.org")
        self.run("dvc", "init", "-q")
        self.run("dvc", "config", "hydra.enabled", "True")
        self.run("dvc", "repro", "-q")
        self.commit("run")

    def commit(self, message: str) -> None:
        self.run("git", "add", "-A")
        self.run("git", "commit", "-qm", message)

    def run(self, *command: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(Path(seeds.__file__).parents[2]),
            "PYTHONHASHSEED": "0",
            "TALLY": str(self.tally),
            "DVC_NO_ANALYTICS": "1",
            **environment,
        }
        done = subprocess.run(
            command,
            cwd=self.root,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            start_new_session=True,
        )
        if check and done.returncode:
            pytest.fail(f"{' '.join(command)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def lectern(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """As somebody calls it who did not activate the environment."""
        return self.run(sys.executable, "-m", "lectern", *arguments, PATH=NOT_ACTIVATED, **options)

    def ran(self) -> Counter[str]:
        """What ran since the last call, and how often."""
        lines = Counter(self.tally.read_text().splitlines())
        self.tally.write_text("")
        return lines

    def read(self, name: str) -> dict[str, Any]:
        return dict(json.loads((self.root / "metrics/noise" / name).read_text()))

    def changed(self) -> str:
        """What git sees as changed, but for metrics/noise."""
        return self.run("git", "status", "--porcelain", "--", ".", ":(exclude)metrics/noise").stdout


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    return Toy(tmp_path_factory.mktemp("toy"))


@pytest.mark.slow
def test_seeds_and_curve_run_what_depends_on_them_and_go_on_after_a_kill(toy: Toy) -> None:
    toy.ran()
    params = (toy.root / "params.yaml").read_bytes()
    killed = toy.lectern("seeds", "--n", "3", check=False, KILLED_AT="2")
    assert killed.returncode == -signal.SIGKILL
    assert toy.ran() == {"train 0 8": 1, "train 1 8": 1, "play 0": 1}, "seed 0 is finished, seed 1 was killed"
    (kept,) = (toy.root / "metrics/noise/seeds").glob("*-0.json")
    before = kept.stat().st_mtime_ns

    said = toy.lectern("seeds", "--n", "3").stdout
    assert "seeds: 1 of 3 are finished already" not in said
    assert "seeds: 1 of 2 are finished already" in said
    assert toy.ran() == {"train 1 8": 1, "play 0": 1}, "no split, no report, no seed 0 again, and no episodes"
    assert kept.stat().st_mtime_ns == before
    assert toy.changed() == ""
    assert (toy.root / "params.yaml").read_bytes() == params

    content = toy.read("seeds.json")
    assert content["seeds"] == [0, 1, 4]
    nll = content["sets"]["held_out"]["nll"]
    scores = io.read_plain(toy.root / "metrics/scores.json")
    assert nll["values"]["4"] == scores["tuned"]["nll"]["value"], "the committed run is one of the trainings"
    values = list(nll["values"].values())
    assert len(set(values)) == 3
    assert max(values) - min(values) < 0.25, "the rate of params.yaml was used, and not that of conf/"
    assert nll["shared"] > 0
    assert "standard deviation" in said
    assert "Over answers and trainings together" in said

    toy.lectern("seeds", "--n", "3")
    assert not toy.ran(), "all of it is there"
    assert toy.read("seeds.json") == content

    toy.commit("seeds")
    said = toy.lectern("curve", "--items", "3,4,5").stdout
    assert toy.ran() == {"train 4 3": 1, "train 4 4": 1, "train 4 5": 1, "play 0": 3}
    drawn = toy.read("curve.json")
    assert [point["items"] for point in drawn["points"]] == [3, 4, 5, 8, 8, 8], (
        "all seeds are points at 8 items"
    )
    falls = drawn["change"]
    true = 3 * 18**-0.5 - 3 * 8**-0.5
    assert falls["low"] < true < falls["high"]
    assert toy.changed() == ""

    failed = toy.lectern("seeds", "--n", "4", check=False, FAILS_FOR="2")
    assert failed.returncode == 1
    assert "the seed is bad; take another" in failed.stderr
    assert toy.read("seeds.json")["seeds"] == [0, 1, 4]
    toy.ran()

    # Another run is another fingerprint: nothing of the first is used.
    io.write_text(toy.root / "params.yaml", CONF.replace("rate: 1.0", "rate: 2.0"))
    refused = toy.lectern("seeds", "--n", "2", check=False)
    assert refused.returncode == 1
    assert "commit first" in refused.stderr
    toy.commit("another rate, not run")
    refused = toy.lectern("seeds", "--n", "2", check=False)
    assert "the committed run is not up to date" in refused.stderr
    assert "dvc repro" in refused.stderr
    assert not toy.ran()
    toy.run("dvc", "repro", "-q")
    toy.commit("another rate")
    toy.ran()
    toy.lectern("seeds", "--n", "2")
    assert toy.ran() == {"train 0 8": 1, "play 0": 1}
    assert toy.read("seeds.json")["seeds"] == [0, 4]


@pytest.mark.slow
def test_workers_of_the_queue_run_several_at_once(tmp_path: Path) -> None:
    toy = Toy(tmp_path)
    toy.ran()
    toy.lectern("seeds", "--n", "3", "--jobs", "2")
    assert toy.ran() == {"train 0 8": 1, "train 1 8": 1, "play 0": 2}
    assert toy.read("seeds.json")["seeds"] == [0, 1, 4]
    assert toy.changed() == ""
    toy.lectern("seeds", "--n", "3", "--jobs", "2")
    assert not toy.ran()
    toy.run("dvc", "queue", "stop", check=False)


@pytest.mark.slow
def test_two_machines_share_the_seeds_and_their_branches_merge(tmp_path: Path) -> None:
    toy = Toy(tmp_path)
    other = copy.copy(toy)
    other.root = tmp_path / "other"
    toy.run("dvc", "remote", "add", "-q", "-d", "shared", str(tmp_path / "remote"))
    toy.commit("remote")
    toy.run("dvc", "push", "-q")
    toy.run("git", "clone", "-q", str(toy.root), str(other.root))
    other.run("git", "config", "user.name", "Other")
    other.run("git", "config", "user.email", "other@example.org")
    other.run("dvc", "pull", "-q")
    toy.ran()
    said = toy.lectern("seeds", "--n", "4", "--part", "1/2").stdout
    assert "seeds: 2 of part 1 of 2 are finished" in said
    assert toy.ran() == {"train 0 8": 1, "train 2 8": 1, "play 0": 2}
    other.lectern("seeds", "--n", "4", "--part", "2/2")
    assert other.ran() == {"train 1 8": 1, "play 0": 1}
    toy.commit("first part")
    other.commit("second part")
    toy.run("git", "pull", "-q", "--no-rebase", "--no-edit", str(other.root), "main")
    toy.lectern("seeds", "--n", "4")
    assert not toy.ran(), "both machines have trained all that was asked for"
    assert toy.read("seeds.json")["seeds"] == [0, 1, 2, 4]


def stage(reads: dict[str, str], params: dict[str, Any], writes: dict[str, str]) -> dict[str, Any]:
    """A part of dvc.lock."""
    deps, outs = ([{"path": path, "md5": md5} for path, md5 in files.items()] for files in (reads, writes))
    return {"cmd": "c", "deps": deps, "params": {"params.yaml": params}, "outs": outs}


LOCK = {
    "check_params": stage({}, {"train": {"seed": 0}, "report": {"samples": 3}}, {"data/checked.txt": "c"}),
    "fetch": stage({"data/checked.txt": "c"}, {}, {"data/raw": "raw"}),
    "split": stage({"data/raw": "raw"}, {"split": {"by": "item", "seed": 0}}, {"data/splits": "s"}),
    "train": stage(
        {"data/splits": "s", "lectern/training": "t"},
        {"train": {"seed": 0, "rate": 1}},
        {"models/adapter": "a"},
    ),
    "score": stage(
        {"models/adapter": "a", "data/splits/train.jsonl": "tr"},
        {"score": {"copy": 8}},
        {"data/scores.jsonl": "n"},
    ),
    "report": stage({"data/scores.jsonl": "n"}, {"train": {"seed": 0}}, {"metrics/report.md": "r"}),
}


def change(path: str, value: Any) -> dict[str, Any]:
    """LOCK with a value changed at `stage/key/...`, where a number is a place in a list."""
    lock = json.loads(json.dumps(LOCK))
    *way, last = path.split(" ")
    at: Any = lock
    for part in way:
        at = at[int(part)] if isinstance(at, list) else at[part]
    at[last] = value
    return dict(lock)


def test_what_depends_on_a_parameter_is_below_it_and_above_the_scores() -> None:
    assert reruns.find_depending(LOCK, ["train.seed"]) == ["score", "train"]
    assert reruns.find_depending(LOCK, ["split.train_items"]) == ["score", "split", "train"]


@pytest.mark.parametrize(
    ("path", "value", "same"),
    [
        ("train params params.yaml train seed", 5, True),  # what is varied
        ("train outs 0 md5", "a5", True),  # and what follows from it
        ("score deps 0 md5", "a5", True),
        ("check_params params params.yaml report samples", 9, True),
        ("report cmd", "other", True),  # below the scores
        ("train params params.yaml train rate", 2, False),
        ("train deps 0 md5", "other rows", False),
        ("train deps 1 md5", "other code", False),
        ("train cmd", "other", False),
        ("score params params.yaml score copy", 9, False),
        ("score deps 1 md5", "other rows", False),
    ],
)
def test_the_fingerprint_is_of_everything_but_the_seed(path: str, value: Any, same: bool) -> None:
    changed = change(path, value)
    assert changed != LOCK
    assert (reruns.fingerprint(changed, ["train.seed"]) == reruns.fingerprint(LOCK, ["train.seed"])) is same


def test_the_fingerprint_of_a_curve_holds_the_seed() -> None:
    varied = ["split.train_items", "split.train_draw"]
    other = change("train params params.yaml train seed", 5)
    assert reruns.fingerprint(other, varied) != reruns.fingerprint(LOCK, varied)


def test_a_file_of_another_run_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, run in (("aaaa-0", "aaaa"), ("aaaa-1", "bbbb"), ("bbbb-0", "bbbb")):
        io.write_json(Path(f"metrics/noise/seeds/{name}.json"), {"run": run, "seed": 0, "sets": {}})
    assert list(reruns.find_kept("seeds", "aaaa")) == ["aaaa-0"]


@pytest.mark.parametrize(
    ("items", "sizes"),
    [(1, []), (2, [1]), (3, [1, 2]), (7, [3, 4, 5, 6]), (12, [5, 7, 8, 10]), (100, [40, 55, 70, 85])],
)
def test_the_sizes_that_are_tried_lie_below_the_run(items: int, sizes: list[int]) -> None:
    assert curve.choose_sizes(items) == sizes


@pytest.fixture
def committed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run on seven items, and no DVC."""
    run = reruns.Committed("c0ffee", yaml.safe_load(CONF), LOCK, {}, "", [])
    monkeypatch.setattr(reruns, "read_committed", lambda: run)
    monkeypatch.setattr(curve, "_count_items", lambda _: 7)


@pytest.mark.parametrize("sizes", [[7], [0], [3, 9]])
def test_sizes_that_do_not_fit_are_named(committed: None, sizes: list[int]) -> None:
    with pytest.raises(LecternError, match=rf"--items has {sizes[-1]}, .* 7 items: give numbers from 1 to 6"):
        curve.main(sizes, 1, 10, 1)


@pytest.mark.parametrize(
    ("given", "sizes"),
    [("3,4", [3, 4]), (" 4 , 3 ", [4, 3]), ("3,4,", [3, 4]), ("3, 4, ", [3, 4]), (", ,3", [3]), (None, [])],
)
def test_sizes_may_have_spaces_and_a_comma_at_the_end(
    monkeypatch: pytest.MonkeyPatch, given: str | None, sizes: list[int]
) -> None:
    asked: list[Any] = []

    def main(*values: Any) -> list[str]:
        asked.append(values)
        return []

    monkeypatch.setattr(curve, "main", main)
    command = ["--draws", "2", "--more", "5", "--jobs", "3", *(["--items", given] if given else [])]
    curve.command.main(command, standalone_mode=False)
    assert asked == [(sizes, 2, 5, 3, None)]


@pytest.mark.parametrize("given", ["3;4", "3,four", "3.5"])
def test_a_size_that_is_no_number_is_named(given: str) -> None:
    with pytest.raises(click.BadParameter, match=f"'{given}' is not a list of whole numbers such as 3,4,5,6"):
        curve.command.main(["--items", given], standalone_mode=False)


def test_a_parameter_that_is_not_there_is_named(committed: None) -> None:
    with pytest.raises(LecternError, match=r"params.yaml has no train.sed"):
        reruns.read_committed().get("train.sed")


def test_the_log_of_a_refused_experiment_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # no repository
    with pytest.raises(
        LecternError, match=r"seeds-1 could not be put into DVC's queue: .*not inside of a DVC"
    ):
        experiments.queue("seeds-1", [], None, tmp_path / "log")
