"""The page element with the transcript and the sound of a recording; transcript.js is its part in the browser."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from nicegui import ui

from lectern.apps.review.recordings import Recording, Segment

STYLE = """
.lectern-transcript { width: 100%; }
.lectern-transcript .player { display: flex; gap: 1rem; align-items: center; padding: .25rem 0 .5rem; flex-wrap: wrap; }
.lectern-transcript audio { flex: 1 1 16rem; height: 2.5rem; }
.lectern-transcript .lines { height: 62vh; overflow-y: auto; position: relative; }
.lectern-transcript .segment { border-left: 4px solid; padding: .1rem .75rem .35rem; margin: 0 0 .4rem;
  content-visibility: auto; contain-intrinsic-size: auto 4.5rem; }
.lectern-transcript .segment.now { background: rgba(128, 128, 128, .12); }
.lectern-transcript .segment.cut p { text-decoration: line-through; opacity: .6; }
.lectern-transcript .who { font-size: .8rem; display: flex; gap: .75rem; opacity: .9;
  overflow-wrap: anywhere; }
.lectern-transcript p { margin: 0; overflow-wrap: anywhere; }
.lectern-transcript .word { cursor: pointer; border-radius: .2rem; }
.lectern-transcript .word:hover { background: rgba(128, 128, 128, .25); }
.lectern-transcript .word.chosen { background: rgba(255, 190, 60, .45); }
.lectern-transcript .word.spoken { outline: 2px solid currentColor; }
"""


class Transcript(ui.element, component="transcript.js"):
    """Words coloured by voice that follow the sound; a click on a word selects it and the rest of its turn."""

    def __init__(
        self, recording: Recording, audio: str | None, on_chosen: Callable[[dict[str, Any]], None]
    ) -> None:
        super().__init__()
        self.props["audio"] = audio
        self.show(recording)
        self.on("chosen", lambda event: on_chosen(event.args))

    def show(self, recording: Recording) -> None:
        """Show the current state of a recording."""
        self.props["labels"] = sorted({speaker.label for speaker in recording.speakers})
        self.props["segments"] = _plain(recording.segments)
        self.update()

    def play(self, start: float, end: float) -> None:
        """Play from `start` to `end`, in seconds."""
        self.run_method("play", start, end)


def _plain(segments: Sequence[Segment]) -> list[dict[str, Any]]:
    return [asdict(segment) for segment in segments]
