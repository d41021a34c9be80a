"""Recognise the text of pages that are pictures. Nothing is imported before a page needs it.

RapidOCR (Apache-2.0) runs the PP-OCRv6 models of PaddleOCR by ONNX Runtime. Its wheel brings the models, so no hub is
asked. They read Chinese, Japanese, English and other languages in Latin letters.
"""

import importlib.metadata
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from lectern.core.errors import LecternError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LIBRARIES: dict[str, tuple[str, ...]] = {
    "none": (),
    "rapidocr": ("rapidocr", "onnxruntime", "opencv-python-headless", "pyclipper", "shapely"),
}
"""Engine -> the distributions whose versions decide the recognised text."""
THREADS = 1
"""Of ONNX Runtime. Several may add numbers up in another order on another machine."""


class Found(NamedTuple):
    """A line of text on a picture, and its edges in pixels from the upper left."""

    text: str
    left: float
    right: float
    top: float
    bottom: float


Recognise = Callable[["NDArray[np.uint8]"], list[Found]]
"""Takes a picture (height x width x 3, blue first) and returns its lines in any order."""


def load(engine: str) -> Recognise | None:
    """The function that recognises a picture, whose models load with the first one; `None` for the engine `none`.

    Raises:
        LecternError: the engine is not installed.
    """
    if engine == "none":
        return None
    for name in LIBRARIES[engine]:
        try:
            importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError as error:
            raise LecternError(
                f"extract.ocr is {engine}, and the package {name} is not installed. `pip install 'rapidocr>=3.10,<4'` "
                "installs it with its models; extract.ocr=none does without."
            ) from error
    return _recognise


def _recognise(picture: "NDArray[np.uint8]") -> list[Found]:
    import numpy as np

    found = _load_rapidocr()(picture)
    if found.txts is None:
        return []
    return [
        Found(text, *map(float, (box[:, 0].min(), box[:, 0].max(), box[:, 1].min(), box[:, 1].max())))
        for text, box in zip(found.txts, np.asarray(found.boxes), strict=True)
        if text.strip()
    ]


@lru_cache
def _load_rapidocr() -> Any:
    from rapidocr import RapidOCR

    threads = {f"EngineConfig.onnxruntime.{kind}_op_num_threads": THREADS for kind in ("intra", "inter")}
    return RapidOCR(params={"Global.log_level": "critical", **threads})
