"""`baton draw`: Mermaid of a workflow, of an execution, or of the graph itself."""

from pathlib import Path

import typer

from graphs.draw import draw_workflow
from orchestrator.cli.exits import Exit
from orchestrator.cli.lazy import load
from orchestrator.cli.options import Shared
from orchestrator.cli.support.definitions import Definitions, is_file
from orchestrator.cli.support.setting import Setting
from orchestrator.cli.support.terminal import output, print_json


async def draw(shared: Shared, *, target: str | None, graph: bool, version: str | None) -> int:
    """See `orchestrator.cli.declared.defining`."""
    if graph == (target is not None):
        raise typer.BadParameter("Name one thing to draw: a file, a workflow, an execution, or --graph.")
    if target is None:
        # Loaded when it is wanted: a drawing of a file needs no LangGraph.
        mermaid = load("graphs.compile:compile_graph")().get_graph().draw_mermaid()
    elif is_file(target):
        definitions = Definitions(Setting(shared))
        mermaid = draw_workflow(definitions.load(Path(target)).workflow, step_types=definitions.step_types)
    else:
        mermaid = await load("orchestrator.cli.support.drawing:draw_kept")(Setting(shared), target, version)
    if shared.as_json:
        print_json({"mermaid": mermaid})
    else:
        output().print(mermaid.rstrip("\n"))
    return Exit.COMPLETED
