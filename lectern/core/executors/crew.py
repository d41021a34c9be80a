"""Give items to workers that may die. Worker processes and cluster machines share this code."""

from collections import Counter, deque
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from lectern.core.errors import LecternError
from lectern.core.item import Item, Made


@dataclass(frozen=True)
class Ready:
    """A worker has loaded its model."""


@dataclass(frozen=True)
class Died:
    """A worker has ended unexpectedly."""

    reason: str
    final: bool = False
    """Whether its item would end another worker just so. The reason then says what to do."""


class Crew(Protocol):
    """A group of workers of one kind."""

    remedy: str
    """What a person can do when workers die."""

    def start(self) -> Hashable:
        """Start a worker. It loads its model and then reports `Ready`."""

    def give(self, worker: Hashable, item: Item) -> None:
        """Send an item to an idle worker. If the worker died meanwhile, `events` reports that."""

    def events(self) -> Iterator[tuple[Hashable, Ready | Made | Died]]:
        """Wait until something happens, then yield what happened."""


def make_all(crew: Crew, items: Sequence[Item], *, workers: int, max_tries: int) -> Iterator[Made]:
    """Have `workers` workers make each item. An item whose worker dies is tried again, up to `max_tries` times.

    Raises:
        LecternError: `max_tries` workers died before they had loaded their model.
    """
    waiting, left = deque(items), len(items)
    loading: set[Hashable] = set()
    idle: set[Hashable] = set()
    work: dict[Hashable, Item] = {}
    tries: Counter[str] = Counter()
    unloaded = 0
    while left:
        while len(loading) + len(idle) + len(work) < min(workers, left):
            loading.add(crew.start())
        while waiting and idle:
            worker, item = idle.pop(), waiting.popleft()
            work[worker] = item
            crew.give(worker, item)
        for worker, event in crew.events():
            if isinstance(event, Ready):
                loading.remove(worker)
                idle.add(worker)
            elif isinstance(event, Made):
                del work[worker]
                idle.add(worker)
                left -= 1
                yield event
            elif worker in work:
                item = work.pop(worker)
                tries[item.id] += 1
                if event.final:
                    left -= 1
                    yield Made(item.id, error=event.reason)
                elif tries[item.id] < max_tries:
                    waiting.append(item)
                else:
                    left -= 1
                    yield Made(item.id, error=_blame(event.reason, max_tries, crew.remedy))
            elif worker in loading:
                loading.remove(worker)
                unloaded += 1
                if unloaded == max_tries:
                    raise LecternError(
                        f"workers die before they have loaded: {event.reason}. {crew.remedy} What was finished is kept."
                    )
            else:
                idle.discard(worker)


def _blame(reason: str, tries: int, remedy: str) -> str:
    times = "" if tries == 1 else f" each time, in {tries} tries"
    return f"its worker died{times}: {reason}. {remedy}"
