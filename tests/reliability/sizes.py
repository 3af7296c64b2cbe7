"""How much the scenarios are made of: little in every run of the tests, and as much as reliability.md of the project's
requirements asks in the long run (`make chaos`, `--hypothesis-profile=long`)."""

from dataclasses import dataclass

from hypothesis import settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Of the scenarios.

    Attributes:
        locked, locked_seconds: R5: executions begun before and while a foreign program locks the store, and how long.
        timers: R8: due at once.
        awaiting: R10: waits on one type of event.
        crowd, megabytes: R14: executions in a queue, and one result.
        stops: R15: engines told to stop.
        patience: Seconds after which what has not come does not come.
    """

    locked: int
    locked_seconds: float
    timers: int
    awaiting: int
    crowd: int
    megabytes: int
    stops: int
    patience: float


SHORT = Sizes(locked=20, locked_seconds=1.0, timers=300, awaiting=60, crowd=600, megabytes=100, stops=4, patience=120.0)
LONG = Sizes(
    locked=2500,
    locked_seconds=10.0,
    timers=10_000,
    awaiting=10_000,
    crowd=100_000,
    megabytes=100,
    stops=50,
    patience=1800.0,
)
IS_LONG = settings.get_current_profile_name() == "long"
SIZES = LONG if IS_LONG else SHORT
