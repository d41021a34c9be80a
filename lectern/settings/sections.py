"""Every section of params.yaml and its dataclass. No stage imports this: it would depend on all of them."""

from collections.abc import Mapping

from lectern.settings.base_model import BaseModelSettings
from lectern.settings.clean_answers import CleanAnswers
from lectern.settings.compute import Compute
from lectern.settings.converse import Converse
from lectern.settings.corpus import Corpus
from lectern.settings.curate import Curate
from lectern.settings.diarize import Diarize
from lectern.settings.episodes import Episodes
from lectern.settings.examples import Examples
from lectern.settings.extract import Extract
from lectern.settings.generate import Generate
from lectern.settings.housekeeping import Housekeeping
from lectern.settings.judging import Judging
from lectern.settings.llm import LLM
from lectern.settings.parse import Parse
from lectern.settings.publish import Publish
from lectern.settings.rate import Rate
from lectern.settings.render import Render
from lectern.settings.report import Report
from lectern.settings.score import Score
from lectern.settings.score_speech import ScoreSpeech
from lectern.settings.split import Split
from lectern.settings.teach import Teach
from lectern.settings.train import Train
from lectern.settings.transcribe import Transcribe

SECTIONS: Mapping[str, type] = {
    "corpus": Corpus,
    "transcribe": Transcribe,
    "diarize": Diarize,
    "converse": Converse,
    "housekeeping": Housekeeping,
    "examples": Examples,
    "teach": Teach,
    "teacher": LLM,
    "judge": LLM,
    "cleaner": LLM,
    "base_model": BaseModelSettings,
    "train": Train,
    "compute": Compute,
    "score_speech": ScoreSpeech,
    "extract": Extract,
    "parse": Parse,
    "rate": Rate,
    "curate": Curate,
    "split": Split,
    "render": Render,
    "generate": Generate,
    "episodes": Episodes,
    "clean_answers": CleanAnswers,
    "score": Score,
    "judging": Judging,
    "report": Report,
    "publish": Publish,
}
"""In their order in params.yaml; `comparators` stands apart, since its keys are free (settings/comparators.py)."""
