"""Where items are made and models trained: section `compute`; of it, `instructions` alone decides bytes."""

from collections.abc import Iterator
from dataclasses import dataclass

from lectern.core import instructions
from lectern.core.compute import Workers
from lectern.settings import checks

EXECUTORS = ("local", "ray")
"""Where items are made; `core.compute.EXECUTORS` has their code."""


INSTRUCTIONS = instructions.CHOICES
"""Which instructions of the processor are used; `core.instructions` has the code."""


@dataclass(frozen=True)
class Compute:
    """Section `compute`: where items are made and models trained. Only `instructions` decides bytes and reruns
    stages.
    """

    name: str
    """Name of the file in conf/compute."""
    instructions: str
    """`portable` computes the same bytes on every x86-64 processor that has AVX2. `native` lets each library choose
    what is fastest on this processor. Choices: INSTRUCTIONS."""
    executor: str
    """Where items are made: on this machine, or on a cluster of Ray. Choices: EXECUTORS."""
    workers: int | None
    """Of `local`: number of worker processes; 0 makes one item after the other in the stage's own process; null takes
    two where there are two cores, no GPU and more than a few items to make. Of `ray`: number of actors; 0 or null takes
    as many as the cluster has room for. Each worker loads the model and needs memory for it."""
    address: str
    """Of `ray`: host:port of the cluster's head. If it is empty, the environment's RAY_ADDRESS is used, else the
    cluster that this machine belongs to."""
    cpus_per_worker: float
    """Of `ray`: number of CPUs that the cluster sets aside for each worker."""
    gpus_per_worker: float
    """Of `ray`: number of GPUs that the cluster sets aside for each worker; 0.5 lets two workers share one."""
    max_tries: int
    """How often an item is tried when the worker or machine that makes it dies. After that the item has failed."""
    processes: int
    """Number of training processes on each machine: one for each GPU."""
    machines: int
    """Number of machines that train together; lectern/training/launch.py says how to start them."""
    main_address: str
    """host:port of the first of several training machines, where the others find it."""
    accelerate: str
    """How several processes divide the training: the name of a file in conf/accelerate."""
    price_per_hour: float | None
    """Price of this machine. If it is given, metrics/runtime/train.json says what the training cost. Unit: money per
    hour."""

    def __post_init__(self) -> None:
        checks.refuse(self._find_problems())

    def _find_problems(self) -> Iterator[str]:
        yield from checks.at_least(
            self,
            processes=1,
            machines=1,
            workers=0,
            max_tries=1,
            cpus_per_worker=0,
            gpus_per_worker=0,
            price_per_hour=0,
        )
        if self.machines > 1 and ":" not in self.main_address:
            yield (
                f"machines is {self.machines}, so main_address must be host:port of the first of them, not "
                f"{self.main_address!r}"
            )
        yield from checks.choice("executor", self.executor, EXECUTORS)
        yield from checks.choice("instructions", self.instructions, INSTRUCTIONS)
        if self.cpus_per_worker == self.gpus_per_worker == 0:
            yield "cpus_per_worker and gpus_per_worker are 0; one of them must be above 0"

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
