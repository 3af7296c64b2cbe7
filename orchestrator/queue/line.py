"""Whose turn it is: a pure structure without tasks, time or tables."""

import heapq
from collections import defaultdict

from orchestrator.store.served.values import Run
from orchestrator.urgency import turn_of


class Line:
    """Runs that may begin, one per thread at a time, the most urgent first, then the oldest (see `urgency`)."""

    def __init__(self) -> None:
        self._ready: list[tuple[float, int, str]] = []
        self._behind: dict[str, list[tuple[float, int, str]]] = defaultdict(list)
        self._waiting: dict[str, Run] = {}
        self._busy: set[str] = set()

    def add(self, run: Run) -> None:
        """The run may begin when it is its turn."""
        self._waiting[run.id] = run
        turn = turn_of(run.due_at or run.created_at, run.priority)
        heapq.heappush(self._ready, (turn, run.seq, run.id))

    def remove(self, run_id: str) -> bool:
        """It shall not begin; False when it has, or was never here."""
        run = self._waiting.pop(run_id, None)
        if run is not None and run.thread_id not in self._busy:
            self._stands_up(run.thread_id)  # it may be the one that stood in line for those behind it
        return run is not None

    def next(self) -> Run | None:
        """The run whose turn it is; its thread is busy until `free`."""
        while self._ready:
            place = heapq.heappop(self._ready)
            run = self._waiting.get(place[2])
            if run is None:
                continue
            if run.thread_id in self._busy:
                heapq.heappush(self._behind[run.thread_id], place)
                continue
            del self._waiting[run.id]
            self._busy.add(run.thread_id)
            return run
        return None

    def occupy(self, thread_id: str) -> None:
        """A run of the thread began without standing in line."""
        self._busy.add(thread_id)

    def is_free(self, thread_id: str) -> bool:
        """Whether a run of the thread could begin."""
        return thread_id not in self._busy

    def free(self, thread_id: str) -> None:
        """The thread's run is over: its next one stands in line again."""
        self._busy.discard(thread_id)
        self._stands_up(thread_id)

    def _stands_up(self, thread_id: str) -> None:
        behind = self._behind.get(thread_id)
        while behind:
            place = heapq.heappop(behind)
            if place[2] in self._waiting:
                heapq.heappush(self._ready, place)
                break
        if not behind:
            self._behind.pop(thread_id, None)
