"""One of several processes that train together; `lectern.training.launch` starts them.

Run: accelerate launch ... -m lectern.training.worker JOB
"""

import os
import sys
import threading
from pathlib import Path

from lectern.core import io, params
from lectern.core.errors import LecternError
from lectern.core.schema import TokenRow
from lectern.core.stage import quieten_libraries
from lectern.settings.base_model import BaseModelSettings
from lectern.settings.train import Train
from lectern.training import sft


def main(file: Path) -> None:
    """Train as one of several processes, by the job in `file`."""
    job = io.read_plain(file)
    rows, validation = (io.read_jsonl(Path(name), TokenRow) for name in job["files"])
    sft.tune(
        params.parse(job["base_model"], BaseModelSettings, str(file)),
        rows,
        validation,
        Path(job["run"]),
        params.parse(job["train"], Train, str(file)),
        to_continue=Path(job["to_continue"]),
        drawn=Path(job["drawn"]),
    )


def leave_with_the_stage() -> None:
    """End this process when the stage that started it ends, even by a kill, which closes its end of the pipe."""

    def watch() -> None:
        while os.read(0, 1):  # not sys.stdin, whose lock would block the end of the process
            pass
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    quieten_libraries()
    leave_with_the_stage()
    try:
        main(Path(sys.argv[1]))
    except LecternError as error:
        rank = os.environ.get("RANK", "0")
        io.write_text(Path(sys.argv[1]).parent / "failures" / f"{rank}.txt", str(error))
        os._exit(1)  # an orderly exit would wait for the other processes, which wait for this one
