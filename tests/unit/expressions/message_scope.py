"""The data that the messages of test_messages are about."""

from typing import Any

from graphs.expressions import Secret


class Thing:
    """Nothing that JSON knows."""


SCOPE: dict[str, Any] = {
    "input": {
        "amount": 1500,
        "total": 3,
        "half": 0.5,
        "name": "Ann",
        "yes": True,
        "nothing": None,
        "tags": ["new", "vip"],
        "empty": [],
        "rows": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}],
        "object": {"a": 1},
        "empty_object": {},
        "huge": 10**400,
        "surrogate": "\ud800",
        "thing": Thing(),
    },
    "steps": {"look_up": {"output": {"total": 3, "currency": "EUR"}}},
    "secrets": {"key": Secret("s3ntinel")},
}
