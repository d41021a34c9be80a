"""The launcher of the environment that `make whisperx` builds."""

import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from lectern.core.errors import LecternError
from lectern.speech import environment
from tests.support.own_environment import PYTHON, ROOT, built, call, place_launcher


def test_the_launcher_runs_that_environment_from_any_folder(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "a repository", tmp_path / "elsewhere"
    elsewhere.mkdir()
    launcher = place_launcher(root, Path(sys.prefix))
    done = call(
        launcher, elsewhere, "-c", "import os, sys; print(sys.prefix); print(os.getcwd()); sys.exit(3)"
    )
    assert done.stdout.splitlines() == [str(root / ".venv-whisperx"), str(elsewhere)]
    assert done.returncode == 3


def test_the_launcher_without_an_environment_says_how_to_build_it(tmp_path: Path) -> None:
    done = call(place_launcher(tmp_path, None), tmp_path, "-m", "stages.transcribe")
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "make whisperx" in done.stderr


def test_what_is_missing_is_named_with_its_remedy() -> None:
    environment.check_installed(("pydantic",), "transcribe")
    with pytest.raises(LecternError, match=r"no-such-package.*make setup"):
        environment.check_installed(("pydantic", "no-such-package"), "transcribe")
    with pytest.raises(LecternError, match=r"whisperx.*`make whisperx`.*transcribe\.python=python-whisperx"):
        environment.check_installed(("pydantic", "whisperx"), "transcribe")


@pytest.mark.parametrize(("chosen", "reported"), [(None, False), ("1", True)])
def test_telemetry_is_off_unless_somebody_wants_it(
    monkeypatch: pytest.MonkeyPatch, chosen: str | None, reported: bool
) -> None:
    name = "PYANNOTE_METRICS_ENABLED"
    monkeypatch.setenv(name, chosen or "")  # so that it is restored after the test
    if chosen is None:
        monkeypatch.delenv(name)
    with warnings.catch_warnings():
        environment.quieten()
    # where the variable is missing pyannote.audio 4 asks its own file, whose default is yes
    assert name in os.environ
    assert (os.environ[name].lower() in ("true", "1")) == reported


@built
@pytest.mark.slow
@pytest.mark.parametrize(("chosen", "reported"), [("", False), ("1", True)])
def test_recordings_are_not_reported_to_the_makers_of_pyannote_unless_somebody_wants_it(
    chosen: str, reported: bool
) -> None:
    code = (
        "from lectern.speech import environment; environment.quieten(); "
        "from pyannote.audio.telemetry.metrics import is_metrics_enabled; print(is_metrics_enabled())"
    )
    kept = {name: value for name, value in os.environ.items() if name != "PYANNOTE_METRICS_ENABLED"}
    wanted = {"PYANNOTE_METRICS_ENABLED": chosen} if chosen else {}
    done = subprocess.run(
        [str(PYTHON), "-c", code], cwd=ROOT, env=kept | wanted, capture_output=True, text=True
    )
    assert done.stdout.strip() == str(reported)
    assert done.stderr == ""
