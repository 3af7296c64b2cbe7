"""Values as they are typed."""

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from graphs.errors import InputError, NotFoundError
from orchestrator.cli.support.values import read_ago, read_mapping, read_services, read_since, read_values


@pytest.mark.parametrize(
    ("parts", "value"),
    [
        ([], None),
        (["name=Ada"], {"name": "Ada"}),
        (["name="], {"name": ""}),
        (["age=36"], {"age": "36"}),
        (["age:=36", "tags:=[1, 2]"], {"age": 36, "tags": [1, 2]}),
        (["a=1", "a=2"], {"a": "2"}),
        (["formula=a=b:=c"], {"formula": "a=b:=c"}),
        (["by.name=Ada"], {"by.name": "Ada"}),
        (['{"a": "x=y"}'], {"a": "x=y"}),
        (['{"a": 1}', "b:=2"], {"a": 1, "b": 2}),
        (["12"], 12),
        (['"text"'], "text"),
        (["[1, 2]"], [1, 2]),
        (["null"], None),
    ],
)
def test_parts_come_to_a_value(parts: list[str], value: Any) -> None:
    assert read_values(parts, "--input") == value


def test_files_and_standard_input_hold_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "order.json"
    file.write_text('{"order": 17, "to": "Ada"}')
    assert read_values([f"@{file}", "to=Grace"], "--input") == {"order": 17, "to": "Grace"}
    monkeypatch.setattr("sys.stdin", io.StringIO(file.read_text()))
    assert read_values(["-"], "--input") == {"order": 17, "to": "Ada"}


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (["order"], "--input 'order' cannot be read."),
        (
            ["age:=}"],
            "--input: the value of 'age' is no JSON: unexpected character, expected a JSON value at line 1, column 1.",
        ),
        (["{broken"], "--input '{broken' cannot be read."),
        (["[1]", "a=1"], "--input '[1]' is no mapping, so it cannot be merged with others."),
        (["=value"], "--input '=value' cannot be read."),
    ],
)
def test_what_cannot_be_read_is_quoted(parts: list[str], message: str) -> None:
    with pytest.raises(InputError) as raised:
        read_values(parts, "--input")
    assert raised.value.message == message


def test_a_file_that_is_not_there_is_not_found() -> None:
    with pytest.raises(NotFoundError, match=r"there is no file 'nope\.json'"):
        read_values(["@nope.json"], "--input")


def test_some_options_need_names() -> None:
    assert read_mapping([], "--metadata") == {}
    with pytest.raises(InputError, match="--metadata needs names and values, not '12'"):
        read_mapping(["12"], "--metadata")


def test_times_are_ago_or_when() -> None:
    assert abs(read_since("2h", "--since") - (datetime.now(UTC) - timedelta(hours=2))) < timedelta(seconds=5)
    assert read_since("2026-11-20T09:00+00:00", "--since") == datetime(2026, 11, 20, 9, tzinfo=UTC)
    with pytest.raises(InputError, match="--since 'soon' is no time"):
        read_since("soon", "--since")


def test_what_deletes_does_not_guess_units() -> None:
    assert read_ago("30d", "--older-than") == timedelta(days=30)
    with pytest.raises(InputError, match="--older-than '30' is no length of time"):
        read_ago("30", "--older-than")


def test_services_have_a_name_and_a_place() -> None:
    assert read_services(["billing=https://b.internal/x?y=z"]) == {"billing": "https://b.internal/x?y=z"}
    for wrong in ("billing", "=https://b.internal", "billing="):
        with pytest.raises(InputError, match="names no place"):
            read_services([wrong])
