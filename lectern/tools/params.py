"""Compose conf/ into params.yaml, as `dvc exp run` does it."""

from pathlib import Path

import click

from lectern.core.errors import LecternError
from lectern.core.io import replacing
from lectern.settings.sections import check
from lectern.tools.terminal import Command, tell


def main(overrides: list[str], conf: Path, out: Path) -> str:
    """Write the composed parameters to `out`, if every section fits.

    Raises:
        LecternError: as in `compose`, or a value does not fit its section; then `out` stays as it was.
    """
    with replacing(out) as temporary:
        compose(overrides, conf, temporary)
        try:
            check(temporary)
        except LecternError as error:  # it names the file that was checked, which nobody has asked for
            raise LecternError(str(error).replace(str(temporary), str(out))) from None
    return f"wrote {out} from {conf}" + (f" with {' '.join(overrides)}" if overrides else "")


def compose(overrides: list[str], conf: Path, out: Path) -> None:
    """Write the composed parameters to `out` as they are.

    Raises:
        LecternError: an override names no parameter or group file, or a mandatory value (`???`) is not given.
    """
    from dvc.utils.hydra import compose_and_dump
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    # DVC chooses the format by the suffix, so the file must be named .yaml
    written = out.with_name(f"{out.name}.yaml")
    try:
        compose_and_dump(written, str(conf.resolve()), None, "config", "", overrides)
        missing = sorted(OmegaConf.missing_keys(OmegaConf.load(written)))
        if missing:
            raise LecternError(f"{', '.join(missing)} must be given: lectern params {missing[0]}=...")
        written.replace(out)
    except (HydraException, OmegaConfBaseException) as error:
        raise LecternError(f"{' '.join(overrides)}: {error}") from error
    finally:
        written.unlink(missing_ok=True)


@click.command(
    "params",
    cls=Command,
    examples=(
        "lectern params",
        "lectern params recipe=smoke train.learning_rate=1e-4 && make run",
    ),
)
@click.argument(
    "overrides",
    metavar="[OVERRIDE]...",
    nargs=-1,
    help="A choice of a group (recipe=smoke: conf/recipe/smoke.yaml) or a value (train.seed=2), as Hydra reads it.",
)
def command(overrides: tuple[str, ...]) -> None:
    """Compose conf/ into params.yaml, as `dvc exp run` does it.

    The overrides last until the next call. What is to stay belongs into conf/. Reads conf/, writes params.yaml.
    """
    tell(main(list(overrides), Path("conf"), Path("params.yaml")))
