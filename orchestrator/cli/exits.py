"""Exit codes: what a script learns from a command without reading what it prints."""

from enum import IntEnum
from typing import Final

from graphs.errors import ConflictError, EngineBusyError, NotFoundError
from graphs.state import ExecutionStatus


class Exit(IntEnum):
    """Why a command ended. Kept by tests: scripts depend on the numbers."""

    COMPLETED = 0
    PROBLEM = 1
    USAGE = 2
    FAILED = 3
    WAITS = 4
    CANCELLED = 5
    TIMED_OUT = 6
    COMPENSATED = 7
    NOT_FOUND = 8
    CONFLICT = 9
    BUSY = 10
    INTERRUPTED = 130
    UNREAD = 141
    TERMINATED = 143


MEANINGS: Final = {
    Exit.COMPLETED: "completed (or: done, for commands that carry nothing out)",
    Exit.PROBLEM: "a problem with a definition, an input, a setting or the database",
    Exit.USAGE: "the command line cannot be understood",
    Exit.FAILED: "the execution failed, or has used up its budget",
    Exit.WAITS: "the execution rests: it waits for somebody or something, or is paused",
    Exit.CANCELLED: "the execution was cancelled",
    Exit.TIMED_OUT: "the execution ran out of time",
    Exit.COMPENSATED: "the execution failed and was compensated, or that failed too",
    Exit.NOT_FOUND: "no such execution, workflow, step, file or database",
    Exit.CONFLICT: "it exists, but not in a state that allows this",
    Exit.BUSY: "another engine drives the database",
    Exit.INTERRUPTED: "interrupted (Ctrl-C)",
    Exit.UNREAD: "nobody read the output to its end (`| head`); what was carried out is parked",
    Exit.TERMINATED: "asked to stop (SIGTERM)",
}

_BY_STATUS: Final = {
    ExecutionStatus.COMPLETED: Exit.COMPLETED,
    ExecutionStatus.FAILED: Exit.FAILED,
    ExecutionStatus.BUDGET_EXCEEDED: Exit.FAILED,
    ExecutionStatus.CANCELLED: Exit.CANCELLED,
    ExecutionStatus.TIMED_OUT: Exit.TIMED_OUT,
    ExecutionStatus.COMPENSATED: Exit.COMPENSATED,
    ExecutionStatus.COMPENSATION_FAILED: Exit.COMPENSATED,
}
_WORST_FIRST: Final = (
    Exit.FAILED,
    Exit.COMPENSATED,
    Exit.TIMED_OUT,
    Exit.CANCELLED,
    Exit.WAITS,
)
_BY_ERROR: Final = ((EngineBusyError, Exit.BUSY), (NotFoundError, Exit.NOT_FOUND), (ConflictError, Exit.CONFLICT))


def exit_of_status(status: ExecutionStatus) -> Exit:
    """The code for an execution that was left in this state."""
    return _BY_STATUS.get(status, Exit.WAITS)


def exit_of_error(error: Exception) -> Exit:
    """The code for a command that ended with this error."""
    return next((code for kind, code in _BY_ERROR if isinstance(error, kind)), Exit.PROBLEM)


def worst(codes: list[Exit]) -> Exit:
    """One code for several executions."""
    return next((code for code in _WORST_FIRST if code in codes), Exit.COMPLETED)
