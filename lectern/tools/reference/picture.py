"""The picture of the pipeline: a box for each stage, a band for each step, an arrow for each need.

It is drawn here, since a site that draws it in the browser has to load a library from elsewhere.
"""

from collections.abc import Mapping
from xml.sax.saxutils import escape

from lectern.tools.reference.pipeline import STEPS, Pipeline

PLACES: dict[str, tuple[int, float]] = {
    "check_params": (0, 0),
    "fetch": (0, 2),
    "transcribe": (1, 0.5),
    "diarize": (1, 1.5),
    "converse": (2, 1),
    "score_speech": (2, 0),
    "extract": (0, 2.5),
    "parse": (1, 2),
    "examples": (0, 1),
    "teach": (0, 2),
    "rate": (1, 1.5),
    "curate": (2, 1.5),
    "split": (3, 1.5),
    "reword": (0, 2.5),
    "retrieve": (1, 2.5),
    "mix": (0, 1),
    "render": (1, 0.5),
    "train": (2, 1),
    "generate": (0, 2),
    "episodes": (0, 1),
    "forget": (0, 0),
    "clean_answers": (1, 1.5),
    "score": (0, 1),
    "judge": (0, 2),
    "report": (1, 0),
}
"""Stage -> the row of its step that it stands in, and how many columns from the left."""
COLUMN, BOX, LINE, HIGH, BAND, LEFT, TOP = 150, 130, 58, 34, 14, 92, 8
"""Widths and heights in pixels: of a column, a box, a row; height of a box; gap of bands; where the boxes begin."""
STYLE = """\
text { font: 16px system-ui, sans-serif; fill: #1f2933; text-anchor: middle; dominant-baseline: central }
.step { font-weight: 600; fill: #52606d; text-anchor: start }
.band { fill: #f0f4f8 }
.box { fill: #ffffff; stroke: #3f51b5; stroke-width: 1.5 }
path { fill: none; stroke: #7b8794; stroke-width: 1.5; marker-end: url(#end) }
marker path { fill: #7b8794; stroke: none; marker-end: none }
"""


def find_needs(pipeline: Pipeline) -> dict[str, set[str]]:
    """Stage -> the stages that it needs, without those that it needs through another one."""
    direct: dict[str, set[str]] = {}
    for stage in pipeline.stages:
        writers = [pipeline.find_writer(path) for path in stage.reads]
        direct[stage.name] = {writer.name for writer in writers if writer is not None}
    return {
        name: {need for need in needs if not any(need in _all(other, direct) for other in needs - {need})}
        for name, needs in direct.items()
    }


def _all(name: str, direct: Mapping[str, set[str]]) -> set[str]:
    return direct[name].union(*(_all(need, direct) for need in direct[name]))


def draw(pipeline: Pipeline) -> str:
    """The picture, as SVG."""
    bands, centres, at = [], {}, TOP
    for step, names in STEPS.items():
        rows = 1 + max(PLACES[name][0] for name in names)
        for name in names:
            row, column = PLACES[name]
            centres[name] = (LEFT + COLUMN * (column + 0.5), at + LINE * (row + 0.5))
        bands.append((step, at, LINE * rows))
        at += LINE * rows + BAND
    width = LEFT + COLUMN * (1 + max(column for _, column in PLACES.values())) + 8
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {at:g}" width="{width:g}" role="img">',
        "<title>The stages of the pipeline, and which of them needs which</title>",
        f"<style>\n{STYLE}</style>",
        '<defs><marker id="end" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" '
        'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>',
        f'<rect width="{width:g}" height="{at:g}" fill="#ffffff"/>',
    ]
    for step, top, height in bands:
        lines.append(
            f'<rect class="band" x="4" y="{top:g}" width="{width - 8:g}" height="{height:g}" rx="6"/>'
        )
        lines.append(f'<text class="step" x="14" y="{top + height / 2:g}">{escape(step)}</text>')
    for name, needs in find_needs(pipeline).items():
        lines += [_arrow(centres[need], centres[name]) for need in sorted(needs)]
    for name, (x, y) in centres.items():
        lines.append(
            f'<rect class="box" x="{x - BOX / 2:g}" y="{y - HIGH / 2:g}" width="{BOX}" height="{HIGH}" rx="5"/>'
        )
        lines.append(f'<text x="{x:g}" y="{y:g}">{escape(name)}</text>')
    return "\n".join([*lines, "</svg>"]) + "\n"


def _arrow(start: tuple[float, float], end: tuple[float, float]) -> str:
    """A curve from the bottom of a box to the top of another, or from side to side in one row."""
    (x, y), (u, v) = start, end
    if y == v:
        side = 1 if u > x else -1
        return f'<path d="M{x + side * BOX / 2:g} {y:g}L{u - side * BOX / 2:g} {v:g}"/>'
    y, v = y + HIGH / 2, v - HIGH / 2
    bend = min(40.0, (v - y) / 2)
    return f'<path d="M{x:g} {y:g}C{x:g} {y + bend:g} {u:g} {v - bend:g} {u:g} {v:g}"/>'
