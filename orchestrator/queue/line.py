"""Whose turn it is: a pure structure without tasks, time or tables."""

import heapq
from collections import Counter, defaultdict
from itertools import count

from orchestrator.store.served.values import Run
from orchestrator.urgency import turn_of

_Place = tuple[float, int, str]


class Line:
    """Runs that may begin, one per thread at a time.

    Of one tenant's, the most urgent begins first, then the oldest (see `urgency`). Among tenants, the one with the
    fewest runs at work is next, then the one that was served longest ago: how urgent a tenant's runs are is its own
    matter.
    """

    def __init__(self) -> None:
        self._ready: dict[str, list[_Place]] = {}
        self._behind: dict[str, list[_Place]] = defaultdict(list)
        self._waiting: dict[str, Run] = {}
        self._busy: dict[str, str] = {}
        self._at_work: Counter[str] = Counter()
        self._served: dict[str, int] = {}
        self._count = count(1)

    def add(self, run: Run) -> None:
        """The run may begin when it is its turn."""
        self._waiting[run.id] = run
        self._stand(run, (turn_of(run.due_at or run.created_at, run.priority), run.seq, run.id))

    def _stand(self, run: Run, place: _Place) -> None:
        heapq.heappush(self._ready.setdefault(run.tenant, []), place)

    def remove(self, run_id: str) -> bool:
        """It shall not begin; False when it has, or was never here."""
        run = self._waiting.pop(run_id, None)
        if run is not None and self.is_free(run.thread_id):
            self._let_in(run.thread_id)  # it may have been the one that stood in line for those behind it
        return run is not None

    def next(self) -> Run | None:
        """The run whose turn it is; its thread is busy until `free`."""
        for tenant in sorted(self._ready, key=lambda one: (self._at_work[one], self._served.get(one, 0))):
            if (run := self._first_of(tenant)) is not None:
                del self._waiting[run.id]
                self.occupy(run)
                self._served[tenant] = next(self._count)
                return run
        return None

    def _first_of(self, tenant: str) -> Run | None:
        ready = self._ready[tenant]
        try:
            while ready:
                place = heapq.heappop(ready)
                run = self._waiting.get(place[2])
                if run is not None and run.thread_id not in self._busy:
                    return run
                if run is not None:
                    heapq.heappush(self._behind[run.thread_id], place)
            return None
        finally:
            if not ready:
                del self._ready[tenant]

    def occupy(self, run: Run) -> None:
        """A run of the thread begins."""
        if run.thread_id not in self._busy:
            self._busy[run.thread_id] = run.tenant
            self._at_work[run.tenant] += 1

    def is_free(self, thread_id: str) -> bool:
        """Whether a run of the thread could begin."""
        return thread_id not in self._busy

    def free(self, thread_id: str) -> None:
        """The thread's run is over: its next one stands in line again."""
        if (tenant := self._busy.pop(thread_id, None)) is not None:
            self._at_work[tenant] -= 1
        self._let_in(thread_id)

    def _let_in(self, thread_id: str) -> None:
        behind = self._behind.get(thread_id)
        while behind:
            place = heapq.heappop(behind)
            if (run := self._waiting.get(place[2])) is not None:
                self._stand(run, place)
                break
        if not behind:
            self._behind.pop(thread_id, None)
