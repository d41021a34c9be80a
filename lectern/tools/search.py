"""Search for good parameters with Optuna, where each trial is an ordinary DVC experiment.

Reads a space (conf/search/learning.yaml) and runs `dvc exp run --temp --name search-<study>-<n>` for each trial, with
the overrides and what Optuna's TPE proposes (Bergstra et al. 2011, "Algorithms for Hyper-Parameter Optimization"). The
workspace stays as it is. Finished trials are kept in .dvc/tmp/search/<study>.db (which optuna-dashboard can show): a
search that was cut off goes on when it is called again, and proposes what it would have proposed. A trial that fails
is recorded with its reason, and the others go on.

The metric is one of the validation split. Of a dozen trials the best is partly the luckiest: had the test split chosen
it, its score there would no longer be that of answers held out.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lectern.core.errors import LecternError
from lectern.core.printing import say
from lectern.tools import terminal
from lectern.tools.searching import experiments
from lectern.tools.searching.space import Dimension, Search, load
from lectern.tools.terminal import Command, InterruptionError

if TYPE_CHECKING:
    import optuna

SPACE = Path("conf/search/learning.yaml")
STATE = Path(".dvc/tmp/search")
STARTUP = 5  # random trials before TPE has enough to learn from; its default of 10 would be most of a search
DIGITS = 3  # significant digits of a proposed number: more would be noise, and hard to read in a table


@dataclass(frozen=True)
class TrialOutcome:
    """The result of a trial."""

    value: float | None
    """The metric; `None` if the trial failed."""
    error: str | None = None
    """Why the trial failed."""


def main(search: Search, overrides: Sequence[str] = ()) -> list[str]:
    """Run the remaining trials. Returns lines about the best one.

    Raises:
        LecternError: there are uncommitted changes; a parameter, a value or the metric does not exist; the study was
            started with other settings; or no trial finished.
    """
    commit = experiments.git("rev-parse", "HEAD")
    if changed := experiments.git("status", "--porcelain"):
        raise LecternError(f"commit first, so that all trials start from the same state:\n{changed}")
    check_space(search, overrides)
    if experiments.has_file(commit, search.metric.partition(":")[0]):
        experiments.read_metric(commit, search.metric)  # a wrong name is reported now, before hours are spent
    if experiments.find_copies():
        say(
            f"search: a killed experiment left its copy and a row `Running`; if none is running now, "
            f"`rm -r {experiments.COPIES}` removes both"
        )
    study = open_study(search, overrides, commit)
    begin = len(study.trials)
    if begin:
        say(f"search: goes on with {name_trial(search, begin)}")
    for number in range(begin, search.trials):
        values = propose(search, study.trials)
        outcome = run_trial(search, overrides, commit, number, values)
        study.add_trial(record(search, values, outcome))
        say(f"search: {name_trial(search, number)}: {tell(search, values, outcome)}")
    return conclude(search, study)


def check_space(search: Search, overrides: Sequence[str]) -> None:
    """Compose each bound and choice once, to find mistakes before hours are spent.

    Raises:
        LecternError: a parameter or a choice's file does not exist, or a parameter is both searched and overridden.
    """
    for parameter, dimension in search.dimensions().items():
        if any(override.startswith(f"{parameter}=") for override in overrides):
            raise LecternError(f"{parameter} is both searched and an override: leave out one of them")
        for value in dimension.ends():
            experiments.composed([*overrides, assign(parameter, value)])


def open_study(search: Search, overrides: Sequence[str], commit: str) -> "optuna.Study":
    """The study of this name with its trials so far, or a new one.

    Raises:
        LecternError: it was started with other settings, so its trials could not be compared with new ones.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    STATE.mkdir(parents=True, exist_ok=True)
    place = STATE / f"{search.name}.db"
    study = optuna.create_study(
        study_name=search.name,
        storage=f"sqlite:///{place}",
        direction=_direction(search),
        load_if_exists=True,
    )
    settings = {
        "space": search.space,
        "overrides": sorted(overrides),
        "seed": search.seed,
        "metric": search.metric,
        "direction": search.direction,
        "target": search.target,
        "commit": commit,
    }
    begun = study.user_attrs.get("settings", settings)
    for name, value in settings.items():
        if begun[name] != value:
            raise LecternError(
                f"the study {search.name!r} was begun with {name} {begun[name]}, but it is now {value}. Give the new "
                f"study another name (--study NAME), or remove {place} if the old one is not needed."
            )
    study.set_user_attr("settings", settings)
    return study


def propose(search: Search, finished: Sequence["optuna.trial.FrozenTrial"]) -> dict[str, Any]:
    """The values to try after these trials: parameter -> value.

    They depend only on the trials and the seed, so an interrupted search proposes the same values again.
    """
    import optuna

    sampler = optuna.samplers.TPESampler(seed=1000 * search.seed + len(finished), n_startup_trials=STARTUP)
    study = optuna.create_study(direction=_direction(search), sampler=sampler)
    study.add_trials(finished)
    proposed = study.ask(distributions(search)).params
    dimensions = search.dimensions().items()
    return {parameter: _shorten(proposed[parameter], dimension) for parameter, dimension in dimensions}


def _shorten(value: Any, dimension: Dimension) -> Any:
    if dimension.kind != "float":
        return value
    low, high = dimension.ends()
    return min(max(float(f"{value:.{DIGITS}g}"), low), high)


def _direction(search: Search) -> "optuna.study.StudyDirection":
    import optuna

    return optuna.study.StudyDirection[search.direction.upper()]


def distributions(search: Search) -> dict[str, "optuna.distributions.BaseDistribution"]:
    """The search space in Optuna's terms."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    def convert(dimension: Dimension) -> "optuna.distributions.BaseDistribution":
        if dimension.kind == "choice":
            return CategoricalDistribution(dimension.choices)
        low, high = dimension.ends()
        number = IntDistribution if dimension.kind == "int" else FloatDistribution
        return number(low, high, log=dimension.log)

    return {parameter: convert(dimension) for parameter, dimension in search.dimensions().items()}


def run_trial(
    search: Search, overrides: Sequence[str], commit: str, number: int, values: Mapping[str, Any]
) -> TrialOutcome:
    """Run one experiment, unless it exists already, and read its metric.

    Raises:
        LecternError: an experiment of this name has other parameters, or it lacks the metric.
    """
    name, log = name_trial(search, number), STATE / f"{name_trial(search, number)}.log"
    chosen = [*overrides, *(assign(parameter, value) for parameter, value in values.items())]
    if not experiments.find(name, commit):
        experiments.run(name, chosen, search.target, log)
    revision = experiments.find(name, commit)
    if not revision:
        return TrialOutcome(None, experiments.explain(log))
    if experiments.params(revision) != experiments.composed(chosen):
        raise LecternError(
            f"there is an experiment {name} with other parameters: run `dvc exp remove {name}`, or give this study "
            "another name (--study NAME)"
        )
    value = experiments.read_metric(revision, search.metric)
    return TrialOutcome(value) if math.isfinite(value) else TrialOutcome(None, f"{search.metric} is {value}")


def record(search: Search, values: dict[str, Any], outcome: TrialOutcome) -> "optuna.trial.FrozenTrial":
    """A finished trial, to be stored in one step, so that a kill leaves it complete or not at all."""
    from optuna.trial import TrialState, create_trial

    return create_trial(
        state=TrialState.FAIL if outcome.value is None else TrialState.COMPLETE,
        params=values,
        distributions=distributions(search),
        value=outcome.value,
        user_attrs={} if outcome.error is None else {"error": outcome.error},
    )


def conclude(search: Search, study: "optuna.Study") -> list[str]:
    """Lines about the best trial, and the command that makes a branch of it.

    Raises:
        LecternError: no trial finished.
    """
    failed = [trial for trial in study.trials if trial.value is None]
    if len(failed) == len(study.trials):
        raise LecternError(
            f"all {len(failed)} trials failed, the last with: {failed[-1].user_attrs['error']}. To try them again, "
            f"remove {STATE / search.name}.db."
        )
    best = study.best_trial
    name, branch = name_trial(search, best.number), f"best-{search.name}"
    finish = " && dvc repro" if search.target else ""
    return [
        f"search: best of {len(study.trials)}, of which {len(failed)} failed: {name}: "
        f"{tell(search, best.params, TrialOutcome(best.value))}",
        f"  dvc exp branch {name} {branch} && git checkout {branch} && dvc checkout{finish}",
    ]


def name_trial(search: Search, number: int) -> str:
    """The name of a trial's experiment."""
    return f"search-{search.name}-{number}"


def tell(search: Search, values: Mapping[str, Any], outcome: TrialOutcome) -> str:
    """The parameters and result of a trial, in one line."""
    chosen = " ".join(assign(parameter, value) for parameter, value in sorted(values.items()))
    if outcome.value is None:
        return f"{chosen} failed: {outcome.error}"
    return f"{chosen} -> {search.metric.partition(':')[2]} {outcome.value:g}"


def assign(parameter: str, value: Any) -> str:
    """A Hydra override that sets a parameter."""
    return f"{parameter}={value if isinstance(value, str) else json.dumps(value)}"


@click.command(
    "search",
    cls=Command,
    examples=("lectern search", "lectern search base_model=phi_1_5 --study phi --trials 20"),
)
@click.argument(
    "overrides", metavar="[OVERRIDE]...", nargs=-1, help="What holds for all trials, as in `lectern params`."
)
@click.option(
    "--space",
    type=click.Path(path_type=Path, dir_okay=False),
    default=SPACE,
    show_default=True,
    help="The file that says which parameters to search, by which metric, and how often.",
)
@click.option("--study", metavar="NAME", help="The name of the study; that of the space if it is not given.")
@click.option(
    "--trials", type=int, help="How many trials in all; as many as the space says if it is not given."
)
def command(overrides: tuple[str, ...], space: Path, study: str | None, trials: int | None) -> None:
    """Let Optuna propose values, each trial a DVC experiment.

    The working tree stays as it is, and must be committed. Finished trials are kept in .dvc/tmp/search: the same
    command goes on where it was cut off. At the end stands the command that makes a branch of the best trial.
    """
    changes = {"name": study, "trials": trials}
    try:
        asked = load(space, **{key: value for key, value in changes.items() if value is not None})
        terminal.tell(*main(asked, overrides))
    except KeyboardInterrupt as stopped:
        raise InterruptionError(
            "the finished trials are kept, and the same command goes on from there"
        ) from stopped
