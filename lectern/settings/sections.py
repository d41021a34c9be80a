"""Every section of params.yaml and its dataclass, and the check of them all.

Of the stages only `check_params` imports this: any other would depend on every section.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from lectern.core import params
from lectern.core.errors import LecternError
from lectern.settings.base_model import BaseModelSettings
from lectern.settings.clean_answers import CleanAnswers
from lectern.settings.comparators import load_comparators
from lectern.settings.compute import Compute
from lectern.settings.converse import Converse
from lectern.settings.corpus import Corpus
from lectern.settings.curate import Curate
from lectern.settings.decoding import Decoding
from lectern.settings.diarize import Diarize
from lectern.settings.episodes import Episodes
from lectern.settings.examples import Examples
from lectern.settings.extract import Extract
from lectern.settings.forget import Forget
from lectern.settings.generate import Generate
from lectern.settings.housekeeping import Housekeeping
from lectern.settings.judging import Judging
from lectern.settings.llm import LLM
from lectern.settings.mix import Mix
from lectern.settings.parse import Parse
from lectern.settings.publish import Publish
from lectern.settings.rate import Rate
from lectern.settings.render import Render
from lectern.settings.report import Report
from lectern.settings.retrieval import Retrieval
from lectern.settings.reword import Reword
from lectern.settings.score import Score
from lectern.settings.score_speech import ScoreSpeech
from lectern.settings.sources import parse_source
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
    "retrieval": Retrieval,
    "reword": Reword,
    "mix": Mix,
    "render": Render,
    "decoding": Decoding,
    "generate": Generate,
    "episodes": Episodes,
    "forget": Forget,
    "clean_answers": CleanAnswers,
    "score": Score,
    "judging": Judging,
    "report": Report,
    "publish": Publish,
}
"""In their order in params.yaml; `comparators` stands apart, since its keys are free (settings/comparators.py)."""
FREE = "comparators"


def check(path: Path) -> None:
    """Check every section of a parameter file.

    Raises:
        LecternError: a section is missing or unknown, or a value of one does not fit; each has a line of its own.
    """
    if faults := list(find_faults(path)):
        raise LecternError("\n".join(faults))


def find_faults(path: Path) -> Iterator[str]:
    """What is wrong in a parameter file: a line for each section and source, with every key, value and remedy."""
    try:
        found = params.read_file(path)
    except LecternError as error:
        yield str(error)
        return
    for name, cls in SECTIONS.items():
        try:
            section: object = params.load(name, cls, path)
        except LecternError as error:
            yield str(error)
            continue
        for number, values in enumerate(section.sources if isinstance(section, Corpus) else []):
            try:
                parse_source(values, number)
            except LecternError as error:
                yield f"{path}: {error}"
    try:
        load_comparators(path)
    except LecternError as error:
        yield str(error)
    for name in sorted(set(map(str, found)) - set(SECTIONS) - {FREE}):
        yield f"{path}: no stage reads section {name!r}. Correct its name under conf/ and run `lectern params`."
