"""The dataclass of each section of params.yaml, what the speech engines need, and the sources of a corpus."""

from collections.abc import Mapping
from typing import Any

from lectern.conversations.housekeeping import HousekeepingParams
from lectern.core.compute import Compute
from lectern.models.loading import BaseModel
from lectern.settings.episodes import EpisodesParams
from lectern.settings.generate import GenerateParams
from lectern.settings.judging import JudgingParams
from lectern.settings.llm import LLM
from lectern.settings.publish import PublishParams
from lectern.settings.rate import RateParams
from lectern.settings.teach import TeachParams
from lectern.settings.train import Training
from lectern.speech import asr
from stages import diarize, fetch
from stages.clean_answers import CleanAnswersParams
from stages.converse import ConverseParams
from stages.curate import CurateParams
from stages.examples import ExamplesParams
from stages.extract import ExtractParams
from stages.parse import ParseParams
from stages.render import RenderParams
from stages.report import ReportParams
from stages.score import ScoreParams
from stages.score_speech import ScoreSpeechParams
from stages.split import SplitParams
from stages.transcribe import TranscribeParams

SECTIONS: Mapping[str, type] = {
    "corpus": fetch.CorpusParams,
    "transcribe": TranscribeParams,
    "diarize": diarize.DiarizeParams,
    "converse": ConverseParams,
    "housekeeping": HousekeepingParams,
    "examples": ExamplesParams,
    "teach": TeachParams,
    "teacher": LLM,
    "judge": LLM,
    "cleaner": LLM,
    "base_model": BaseModel,
    "train": Training,
    "compute": Compute,
    "score_speech": ScoreSpeechParams,
    "extract": ExtractParams,
    "parse": ParseParams,
    "rate": RateParams,
    "curate": CurateParams,
    "split": SplitParams,
    "render": RenderParams,
    "generate": GenerateParams,
    "episodes": EpisodesParams,
    "clean_answers": CleanAnswersParams,
    "score": ScoreParams,
    "judging": JudgingParams,
    "report": ReportParams,
    "publish": PublishParams,
}
LIBRARIES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "transcribe": {name: engine.libraries for name, engine in asr.ENGINES.items()},
    "diarize": {name: engine.libraries for name, engine in diarize.ENGINES.items()},
}
"""Section -> engine -> the distributions that it needs."""


def read_source(values: Mapping[str, Any], number: int) -> tuple[Any, Any]:
    """The module of a source's kind, and its checked settings; `number` is its place in `corpus.sources`.

    Raises:
        LecternError: there is no such kind, or a value is wrong.
    """
    return fetch.parse(values, number)
