"""Where items are made and models trained: section `compute` of params.yaml, which decides no byte."""

from dataclasses import dataclass

from lectern.core.compute import Workers

EXECUTORS = ("local", "ray")


@dataclass(frozen=True)
class Compute:
    """Section `compute`."""

    name: str
    """Name of the choice in conf/compute/."""
    executor: str
    """A key of `core.compute.EXECUTORS`."""
    workers: int
    """`local`: number of worker processes; 0 makes one item after the other in the stage's own process. `ray`: number
    of actors; 0 takes as many as the cluster has room for. Each worker loads the model and needs memory for it."""
    address: str
    """`ray`: host:port of the cluster's head. When empty, the environment's RAY_ADDRESS is used, else the cluster that
    this machine belongs to."""
    cpus_per_worker: float
    """`ray`: CPUs that the cluster sets aside for each worker."""
    gpus_per_worker: float
    """`ray`: GPUs that the cluster sets aside for each worker; 0.5 lets two workers share one."""
    max_tries: int
    """How often an item is tried when the worker or machine that makes it dies. After that the item has failed."""

    processes: int
    """Training processes on each machine: one for each GPU."""
    machines: int
    """That train together; `lectern/training/launch.py` says how to start them."""
    main_address: str
    """host:port of the first of several training machines, where the others find it."""
    accelerate: str
    """How several processes divide the training: the name of a file in conf/accelerate."""
    price_per_hour: float | None
    """Of this machine, in any currency. If given, metrics/runtime/train.json says what the training cost."""

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

    @property
    def for_items(self) -> Workers:
        """Who makes the items of a stage."""
        return Workers(
            executor=self.executor,
            workers=self.workers,
            address=self.address,
            cpus_per_worker=self.cpus_per_worker,
            gpus_per_worker=self.gpus_per_worker,
            max_tries=self.max_tries,
        )
