"""What a scope may be made of besides plain JSON, and what it may not."""

from collections.abc import Iterator, Mapping
from enum import IntEnum, StrEnum
from typing import Any

import pytest

from graphs.errors import ExpressionError
from graphs.expressions import parse_expression


class Lazy(Mapping[str, Any]):
    """Finds its items when asked, and remembers which."""

    def __init__(self, items: dict[str, Any]) -> None:
        self._items = items
        self.asked: list[str] = []

    def __getitem__(self, key: str) -> Any:
        self.asked.append(key)
        if key == "stranger":
            raise ExpressionError("step 'stranger' is not before this one.", code="not_an_ancestor")
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)


def test_lazy_mappings_are_asked_only_for_what_is_read() -> None:
    steps = Lazy({"a": Lazy({"output": {"y": 5}, "status": "completed"}), "b": Lazy({})})
    scope = Lazy({"steps": steps})
    assert parse_expression("steps.a.output.y").evaluate(scope) == 5
    assert parse_expression("steps.c.output|default(1)").evaluate(scope) == 1
    assert parse_expression("steps.a is mapping and 'b' in steps").evaluate(scope) is True
    assert parse_expression("steps|keys").evaluate(scope) == ["a", "b"]
    assert parse_expression("steps|length").evaluate(scope) == 2
    assert steps.asked.count("b") <= 1


def test_lazy_mappings_leave_an_expression_as_plain_objects() -> None:
    scope = {"steps": Lazy({"a": Lazy({"output": (1, 2)})})}
    plain = {"a": {"output": [1, 2]}}
    for source in ("steps", "[steps][0]", "{'s': steps}.s", "steps|default(1)", "[steps]|first"):
        found = parse_expression(source).evaluate(scope)
        assert found == plain
        assert type(found) is dict
        assert type(found["a"]) is dict
    assert parse_expression("steps|values").evaluate(scope) == [{"output": [1, 2]}]
    assert parse_expression("steps|json").evaluate(scope) == '{"a":{"output":[1,2]}}'
    assert parse_expression("steps == {'a': {'output': [1, 2]}}").evaluate(scope) is True


def test_an_error_of_a_lazy_mapping_comes_through_with_its_place() -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_expression("1 + steps.stranger.output").evaluate({"steps": Lazy({})})
    assert caught.value.code == "not_an_ancestor"
    assert caught.value.offset == 10


class Status(StrEnum):
    DONE = "completed"


class Level(IntEnum):
    HIGH = 2


def test_enums_and_tuples_count_as_what_they_are_made_of() -> None:
    scope = {"input": {"status": Status.DONE, "level": Level.HIGH, "pair": (1, 2)}}
    assert parse_expression("input.status == 'completed'").evaluate(scope) is True
    assert parse_expression("input.status ~ '!'").evaluate(scope) == "completed!"
    assert parse_expression("input.status|upper").evaluate(scope) == "COMPLETED"
    assert parse_expression("input.pair|length").evaluate(scope) == 2
    assert parse_expression("input.pair + [3]").evaluate(scope) == [1, 2, 3]
    assert parse_expression("[input.level + 1, input.level - 1, -input.level]").evaluate(scope) == [3, 1, -2]
    assert parse_expression("input.level > 1 and input.level == 2").evaluate(scope) is True
    assert type(parse_expression("input.level").evaluate(scope)) is int
    assert type(parse_expression("input.status").evaluate(scope)) is str
    assert type(parse_expression("input.pair").evaluate(scope)) is list


def test_what_is_no_json_is_refused_and_never_looked_into() -> None:
    class Trap:
        secret = "class attribute"

    scope = {"input": {"thing": Trap(), "type": Trap, "set": {1}, "bytes": b"x"}}
    for source in ("input.thing", "input.thing.secret", "input.type.secret", "input.set|length", "input.bytes ~ ''"):
        with pytest.raises(ExpressionError) as caught:
            parse_expression(source).evaluate(scope)
        assert caught.value.code == "not_json"
