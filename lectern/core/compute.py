"""Where items are made and models trained: in this process, in several on this machine, or on many machines.

Section `compute` of params.yaml chooses one (conf/compute/ holds the choices). It changes no byte of any output, so it
is part of no item's key and of no stage's `params`: another number of workers makes nothing again.
"""

import shutil
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lectern.core.item import Item, Load, Made, make_one, use_one_blas_thread
from lectern.core.limits import Limits


@dataclass(frozen=True)
class Workers:
    """Who makes the items of a stage; section `compute` says so (settings/compute.py)."""

    executor: str
    """A key of `EXECUTORS`."""
    workers: int | None
    """Processes or actors; 0 makes the items in this process, or takes as many actors as the cluster has room for; None
    chooses (`choose_workers`)."""
    address: str
    """host:port of the cluster's head."""
    cpus_per_worker: float
    """CPUs that the cluster sets aside for each worker."""
    gpus_per_worker: float
    """GPUs likewise."""
    max_tries: int
    """How often an item is begun when the worker that makes it dies."""


FEW = 4
"""So many items are made in one process, because a second one would take as long to load its model."""

IN_PROCESS = Workers("local", 0, "", 1.0, 0.0, 3)
"""Makes one item after the other in this process."""


def run(
    compute: Workers,
    load: Load,
    items: Sequence[Item],
    scratch: Path,
    *,
    suffix: str,
    libraries: Mapping[str, str],
    limits: Limits | None = None,
) -> Generator[Made, None, None]:
    """Make each item once, in a folder below `scratch`. Yields each result as soon as it is finished.

    Close the iterator to stop at once.

    Args:
        compute: where the items are made.
        load: returns the function that makes an item; called once in each process.
        items: what to make.
        scratch: an empty folder on the file system of the outputs.
        suffix: of the outputs, such as `.json`; empty when an output is a directory.
        libraries: distribution -> version that every machine must have, because it decides the bytes.
        limits: what an item may take, for items that come from strangers. They are then made in worker processes even
            where `compute` asks for none. A cluster's machines limit nothing.

    Raises:
        LecternError: the executor cannot start, or its workers die before they have loaded.
        OSError: the machine fails, for example because its disk is full (`item.FATAL`).
    """
    return EXECUTORS[compute.executor](compute, load, items, scratch, suffix, libraries, limits)


def choose_workers(items: int) -> int:
    """Choose the number of processes for so many items: two, or none where the stage's own process is enough.

    One process rarely keeps two cores busy. A GPU may lack the memory for a second model, and is busy with one.
    """
    from lectern.core.executors import processes

    has_gpu = shutil.which("nvidia-smi") is not None
    return 2 if items > FEW and processes.count_cores() >= 2 and not has_gpu else 0


def _local(
    compute: Workers,
    load: Load,
    items: Sequence[Item],
    scratch: Path,
    suffix: str,
    libraries: Mapping[str, str],
    limits: Limits | None,
) -> Generator[Made, None, None]:
    workers = choose_workers(len(items)) if compute.workers is None else compute.workers
    if workers or limits is not None:
        from lectern.core.executors import processes

        yield from processes.run(
            load,
            items,
            scratch,
            suffix,
            workers=workers or 1,
            max_tries=compute.max_tries,
            limits=limits,
        )
    else:
        use_one_blas_thread()
        make = load()
        for item in items:
            yield make_one(make, item, scratch, suffix)


def _ray(
    compute: Workers,
    load: Load,
    items: Sequence[Item],
    scratch: Path,
    suffix: str,
    libraries: Mapping[str, str],
    limits: Limits | None,
) -> Generator[Made, None, None]:
    from lectern.core.executors import cluster

    yield from cluster.run(
        load,
        items,
        scratch,
        suffix,
        libraries=libraries,
        address=compute.address,
        workers=compute.workers or 0,
        cpus=compute.cpus_per_worker,
        gpus=compute.gpus_per_worker,
        max_tries=compute.max_tries,
    )


EXECUTORS: dict[str, Callable[..., Generator[Made, None, None]]] = {"local": _local, "ray": _ray}
