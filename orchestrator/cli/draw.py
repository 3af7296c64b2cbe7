"""`baton draw`: a workflow, an execution, or the graph itself, as Mermaid or as SVG."""

from pathlib import Path

import typer

from graphs.draw import draw_workflow
from graphs.picture import draw_picture
from orchestrator.cli.exits import Exit
from orchestrator.cli.lazy import load
from orchestrator.cli.options import Shared
from orchestrator.cli.support.definitions import Definitions, is_file
from orchestrator.cli.support.setting import Setting
from orchestrator.cli.support.terminal import output, print_json


async def draw(shared: Shared, *, target: str | None, graph: bool, svg: bool, version: str | None) -> int:
    """See `orchestrator.cli.declared.defining`."""
    if graph == (target is not None):
        raise typer.BadParameter("Name one thing to draw: a file, a workflow, an execution, or --graph.")
    if graph and svg:
        raise typer.BadParameter("--graph is drawn as Mermaid text only.")
    if target is None:
        # Loaded when it is wanted: a drawing of a file needs no LangGraph.
        drawn = load("graphs.compile:compile_graph")().get_graph().draw_mermaid()
    elif is_file(target):
        definitions = Definitions(Setting(shared))
        workflow = definitions.load(Path(target)).workflow
        drawn = draw_picture(workflow) if svg else draw_workflow(workflow, step_types=definitions.step_types)
    else:
        drawn = await load("orchestrator.cli.support.drawing:draw_kept")(Setting(shared), target, version, svg=svg)
    if shared.as_json:
        print_json({"svg" if svg else "mermaid": drawn})
    elif svg:
        output().file.write(f"{drawn}\n")  # as it is: nothing of it is wrapped
    else:
        output().print(drawn.rstrip("\n"))
    return Exit.COMPLETED
