import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lectern.core import io
from lectern.core.schema import TokenRow
from tests.support.tiny import TINY
from tests.unit.training.test_sft import PARAMS, outputs, write

CODE = """
import sys
from dataclasses import replace
from pathlib import Path
from tests.unit.training.test_sft import PARAMS, run
run(Path(sys.argv[1]), replace(PARAMS, epochs=6))
"""


def start(folder: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    return subprocess.Popen(
        [sys.executable, "-c", CODE, str(folder)], env=environment, stderr=subprocess.DEVNULL
    )


@pytest.mark.slow
def test_a_training_killed_with_9_goes_on_to_the_same_bytes(
    tmp_path: Path, rows: Callable[[int], list[TokenRow]]
) -> None:
    for name in ("whole", "killed"):
        write(tmp_path / name, rows(24)[:20], rows(24)[20:])
    assert start(tmp_path / "whole").wait() == 0
    process = start(tmp_path / "killed")
    while not list((tmp_path / "killed").glob("checkpoints/*/checkpoint-12/complete.json")):
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "killed/adapter").exists()
    assert start(tmp_path / "killed").wait() == 0
    # adapter, figures and loss curve, to the byte
    assert outputs(tmp_path / "killed") == outputs(tmp_path / "whole")
    assert io.read_plain(tmp_path / "killed/metrics/train.json")["steps"] == 30
    assert PARAMS.checkpoint_every == 1
    assert TINY.source == "random"
