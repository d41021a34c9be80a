"""Compose conf/ into params.yaml, as `dvc exp run` does it.

Run: lectern params [OVERRIDE ...]        (make params ARGS="recipe=smoke train.learning_rate=1e-4")
Reads conf/, writes params.yaml.
"""

import sys
from pathlib import Path

from lectern.core.errors import LecternError
from lectern.core.io import replacing


def main(overrides: list[str], conf: Path, out: Path) -> str:
    """Write the composed parameters to `out`.

    Raises:
        LecternError: an override names no parameter or no group file, or a value that must be given is still `???`.
    """
    from dvc.utils.hydra import compose_and_dump
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    with replacing(out) as temporary:
        # dvc chooses the format by the suffix, and only files of this suffix are written as YAML
        written = temporary.with_suffix(".yaml")
        try:
            compose_and_dump(written, str(conf.resolve()), None, "config", "", overrides)
            missing = sorted(OmegaConf.missing_keys(OmegaConf.load(written)))
            if missing:
                raise LecternError(f'{", ".join(missing)} must be given: make params ARGS="{missing[0]}=..."')
            written.rename(temporary)
        except (HydraException, OmegaConfBaseException) as error:
            raise LecternError(f"{' '.join(overrides)}: {error}") from error
        finally:
            written.unlink(missing_ok=True)
    return f"wrote {out} from {conf}" + (f" with {' '.join(overrides)}" if overrides else "")


if __name__ == "__main__":
    try:
        print(main(sys.argv[1:], Path("conf"), Path("params.yaml")))
    except LecternError as problem:
        raise SystemExit(f"error: {problem}") from None
