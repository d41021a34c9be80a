"""Where items are made and models trained: in this process, in several on this machine, or on many machines.

Section `compute` of params.yaml says so (conf/compute/ holds the choices). It decides no byte of any output, so it is
in no item's key and among no stage's `params`: another number of workers makes nothing anew.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lectern.core.item import Item, Load, Made, make_one, use_one_blas_thread


@dataclass(frozen=True)
class Compute:
    """Section `compute`."""

    name: str = "local"
    """Name of the choice in conf/compute/."""
    executor: str = "local"
    """A key of `EXECUTORS`."""
    workers: int = 0
    """`local`: worker processes, 0 makes one item after the other in the stage's own. `ray`: actors, 0 = as many as
    the cluster has room for. Each loads the model, so each needs its memory."""
    address: str = ""
    """`ray`: host:port of the cluster's head; empty takes the environment's RAY_ADDRESS, else the cluster to which this
    machine belongs."""
    cpus_per_worker: float = 1.0
    """`ray`: CPUs that the cluster sets aside for each worker."""
    gpus_per_worker: float = 0.0
    """`ray`: GPUs likewise; .5 lets two workers share one."""
    max_tries: int = 3
    """How often an item is begun when the worker or the machine that makes it dies, before the item has failed."""

    processes: int = 1
    """Of the training on each machine: one for each GPU."""
    machines: int = 1
    """That train together; `lectern/training/launch.py` says how to start them."""
    main_address: str = ""
    """host:port of the first of several machines, where the others find it."""
    accelerate: str = "ddp"
    """How several processes divide the training: a file of conf/accelerate."""
    price_per_hour: float | None = None
    """Of this machine, in any currency; metrics/runtime/train.json then says what the training cost."""

    def __post_init__(self) -> None:
        if self.processes < 1 or self.machines < 1:
            raise ValueError(
                f"processes is {self.processes} and machines {self.machines}; give 1 or more of each"
            )
        if self.machines > 1 and ":" not in self.main_address:
            raise ValueError(
                f"machines is {self.machines}, so main_address must be host:port of the first of them, not "
                f"{self.main_address!r}"
            )
        if self.executor not in EXECUTORS:
            raise ValueError(f"executor is {self.executor!r}: use one of {', '.join(EXECUTORS)}")
        if self.workers < 0 or self.max_tries < 1:
            raise ValueError(
                f"workers is {self.workers} (at least 0), max_tries is {self.max_tries} (at least 1)"
            )
        if min(self.cpus_per_worker, self.gpus_per_worker) < 0 or not (
            self.cpus_per_worker + self.gpus_per_worker
        ):
            raise ValueError(
                f"cpus_per_worker {self.cpus_per_worker} and gpus_per_worker {self.gpus_per_worker}: neither may be "
                "below 0, and one must be above"
            )


def run(
    compute: Compute,
    load: Load,
    items: Sequence[Item],
    scratch: Path,
    *,
    suffix: str,
    libraries: Mapping[str, str],
) -> Generator[Made, None, None]:
    """Make each item once, below `scratch`, and yield what became of it, in the order in which they are finished.

    Close the iterator to stop at once.

    Args:
        compute: where.
        load: returns the function that makes an item; called once in each process.
        items: what to make.
        scratch: an empty folder on the file system of the outputs.
        suffix: of the outputs; none means that an output is a directory.
        libraries: distribution -> version that every machine must have, since it decides the bytes.

    Raises:
        LecternError: the executor cannot start, or its workers die before they have loaded.
        OSError: the disk is full, or something else of the machine (`item.FATAL`).
    """
    return EXECUTORS[compute.executor](compute, load, items, scratch, suffix, libraries)


def _local(
    compute: Compute,
    load: Load,
    items: Sequence[Item],
    scratch: Path,
    suffix: str,
    libraries: Mapping[str, str],
) -> Generator[Made, None, None]:
    if compute.workers:
        from lectern.core.executors import processes

        yield from processes.run(
            load, items, scratch, suffix, workers=compute.workers, max_tries=compute.max_tries
        )
    else:
        use_one_blas_thread()
        make = load()
        for item in items:
            yield make_one(make, item, scratch, suffix)


def _ray(
    compute: Compute,
    load: Load,
    items: Sequence[Item],
    scratch: Path,
    suffix: str,
    libraries: Mapping[str, str],
) -> Generator[Made, None, None]:
    from lectern.core.executors import cluster

    yield from cluster.run(
        load,
        items,
        scratch,
        suffix,
        libraries=libraries,
        address=compute.address,
        workers=compute.workers,
        cpus=compute.cpus_per_worker,
        gpus=compute.gpus_per_worker,
        max_tries=compute.max_tries,
    )


EXECUTORS: dict[str, Callable[..., Generator[Made, None, None]]] = {"local": _local, "ray": _ray}

IN_PROCESS = Compute()
"""One item after the other, here."""
