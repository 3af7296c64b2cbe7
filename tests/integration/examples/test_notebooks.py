"""The notebooks are documentation, so they run, and what they show is what really comes out."""

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).resolve().parents[3] / "notebooks"


def _outputs(notebook: Any) -> list[str]:
    return ["".join(_said(output) for output in cell.get("outputs", ())) for cell in notebook.cells]


def _said(output: Any) -> str:
    """What is printed, or drawn; logs have times in them."""
    if output.get("name") == "stderr":
        return ""
    return str(output.get("text") or output.get("data", {}).get("image/svg+xml", ""))


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
@pytest.mark.capability("C16", "D01", "D02", "I08")
def test_a_notebook_shows_what_really_comes_out(path: Path, tmp_path: Path) -> None:
    shown = nbformat.read(path, as_version=4)
    run = nbformat.read(path, as_version=4)
    NotebookClient(run, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert _outputs(run) == _outputs(shown)
    assert any("<svg" in said for said in _outputs(shown)), "the graph is drawn inside"
