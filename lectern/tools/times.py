"""Print what the last run of each stage took, from metrics/runtime."""

from pathlib import Path

import click

from lectern.core.io import read_plain
from lectern.core.stage import RUNTIME
from lectern.tools.terminal import Command, tell

REPORT = Path("metrics/report.html")


def main(folder: Path, report: Path) -> str:
    """One line for each stage, in the order in which the files were last written, then the report's path."""
    files = sorted(folder.glob("*.json"), key=lambda path: (path.stat().st_mtime_ns, path.name))
    rows = [(path.stem, read_plain(path)) for path in files]
    lines = [f"{'stage':<14}{'seconds':>9}{'CPU s':>9}{'peak MB':>9}"]
    lines += [f"{n:<14}{r['seconds']:>9.1f}{r['cpu_seconds']:>9.1f}{r['peak_memory_mb']:>9}" for n, r in rows]
    total, cpu, peak = (
        sum(r["seconds"] for _, r in rows),
        sum(r["cpu_seconds"] for _, r in rows),
        max((r["peak_memory_mb"] for _, r in rows), default=0),
    )
    lines.append(f"{'in all':<14}{total:>9.1f}{cpu:>9.1f}{peak:>9}")
    if report.is_file():
        lines.append(f"\nThe report: {report.resolve()}")
    return "\n".join(lines)


@click.command("times", cls=Command, examples=("lectern times",))
def command() -> None:
    """Tell what the last run of each stage took.

    A line for each stage with seconds, seconds of the processors, and the most memory at a time, as the files of
    metrics/runtime have them; then where the report is.
    """
    tell(main(RUNTIME, REPORT))
