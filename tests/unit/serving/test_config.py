"""langgraph.json: what is read of it, and what is said when it cannot be."""

from pathlib import Path

import orjson
import pytest

from graphs.errors import SettingsError
from orchestrator.serving.config import load_graphs, read_config

GRAPH = """
import os
from langgraph.graph import START, StateGraph
from helper_of_this_test import word

builder = StateGraph(dict)
builder.add_node("say", lambda state: {"said": word, "env": os.environ["OF_THIS_TEST"]})
builder.add_edge(START, "say")
graph = builder.compile()
number = 3
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as teams have it."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "helper_of_this_test.py").write_text("word = 'hello'\n")
    (tmp_path / "agent.py").write_text(GRAPH)
    (tmp_path / ".env").write_text("OF_THIS_TEST=yes\n")
    return tmp_path


def write(folder: Path, **document: object) -> Path:
    """A configuration in it."""
    path = folder / "langgraph.json"
    path.write_bytes(orjson.dumps(document))
    return path


def test_graphs_are_loaded_with_their_dependencies_and_their_env(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OF_THIS_TEST", raising=False)
    monkeypatch.setattr("sys.path", ["", *__import__("sys").path])
    path = write(folder, graphs={"a": "./agent.py:graph", "b": "agent.py:builder"}, dependencies=["."], env=".env")
    loaded = load_graphs(read_config(path))
    assert set(loaded) == {"a", "b"}
    assert all(source.static for source in loaded.values())
    monkeypatch.delenv("OF_THIS_TEST", raising=False)


def test_what_means_nothing_here_is_named(folder: Path) -> None:
    path = write(folder, graphs={}, python_version="3.11", http={"cors": {}})
    assert read_config(path).left_out == ("http",)


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ({}, "names no graphs"),
        ({"graphs": {"a": "agent.py"}}, "names the graph 'a' by 'agent.py'"),
        ({"graphs": {"a": "agent.ts:graph"}}, "in JavaScript"),
        ({"graphs": {}, "dependencies": "."}, "'dependencies' that are no list"),
        ({"graphs": {}, "env": "missing.env"}, "env file 'missing.env', which is not there"),
        ({"graphs": {}, "env": 3}, "neither a file's name nor an object"),
    ],
)
def test_what_cannot_be_is_said(folder: Path, document: dict[str, object], why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        read_config(write(folder, **document))


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("./nowhere.py:graph", "there is no file"),
        ("./agent.py:nothing", "AttributeError"),
        ("./agent.py:number", r"'a' is a int, not a graph\. .* gives one\. It is named in "),
        ("nowhere_at_all:graph", "No module named"),
    ],
)
def test_a_graph_that_cannot_be_loaded_is_named(
    folder: Path, place: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OF_THIS_TEST", "yes")
    monkeypatch.syspath_prepend(str(folder / "src"))
    with pytest.raises(SettingsError, match=why):
        load_graphs(read_config(write(folder, graphs={"a": place})))


def test_a_file_that_is_none_is_said(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        read_config(tmp_path / "langgraph.json")
    (tmp_path / "langgraph.json").write_text("{")
    with pytest.raises(SettingsError, match="is no JSON"):
        read_config(tmp_path / "langgraph.json")
