"""A step with everything inside it, by path: in Python and in SQL."""

import sqlite3

BELOW = "(path = ? OR substr(path, 1, ?) IN (?, ?))"
"""For a WHERE; its parameters are `below(path)`."""


def below(path: str) -> tuple[str, int, str, str]:
    """The parameters of BELOW."""
    return path, len(path) + 1, f"{path}.", f"{path}["


def is_below(path: str, prefix: str) -> bool:
    """Whether a path is the prefix or stands below it: `orders[3].charge` and `orders` do, `orders2` does not."""
    return not prefix or path == prefix or path.startswith((f"{prefix}.", f"{prefix}["))


def close_below(db: sqlite3.Connection, execution_id: str, path: str, now: str) -> None:
    """Nobody waits at a step, or inside it, any more."""
    db.execute(
        "UPDATE waits SET status = 'cancelled', closed_at = ? "
        f"WHERE execution_id = ? AND status = 'open' AND NOT superseded AND {BELOW}",
        (now, execution_id, *below(path)),
    )
