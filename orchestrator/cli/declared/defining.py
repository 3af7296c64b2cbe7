"""Commands about definitions: validate, draw, schema, publish, fill."""

from pathlib import Path
from typing import Annotated, Final

import typer

from orchestrator.cli.declared.common import WhichVersion, examples
from orchestrator.cli.options import command

PANEL: Final = "Define"
_STRICT: Final = "Warnings count as errors, but for keys of models that this machine has not."


def register(app: typer.Typer) -> None:
    """Add them."""
    _register_validate(app)
    _register_draw(app)
    _register_schema(app)
    _register_publish(app)
    _register_fill(app)


def _register_validate(app: typer.Typer) -> None:
    @command(
        app,
        "validate",
        "orchestrator.cli.validate:validate",
        rich_help_panel=PANEL,
        epilog=examples("baton validate flows/*.yaml", "baton validate refund.yaml --json | jq '.files[].problems[]'"),
    )
    def validate(
        files: Annotated[
            list[Path],
            typer.Argument(metavar="FILE...", help="Definitions or templates; each may name workflows of the others."),
        ],
        strict: Annotated[bool, typer.Option("--strict", help=_STRICT)] = False,
    ) -> None:
        """Find everything that is wrong with definitions, each problem with its file, line and column.

        Exit code 1 when there are errors; warnings alone give 0.
        """


def _register_draw(app: typer.Typer) -> None:
    @command(
        app,
        "draw",
        "orchestrator.cli.draw:draw",
        rich_help_panel=PANEL,
        epilog=examples(
            "baton draw refund.yaml > refund.mmd",
            "baton draw refund.yaml --svg > refund.svg",
            "baton draw 7f3c  # an execution, its steps coloured by how they stand",
            "baton draw --graph  # the six nodes everything runs on",
        ),
    )
    def draw(
        target: Annotated[
            str | None,
            typer.Argument(
                metavar="FILE|NAME[@VERSION]|ID", help="A definition, a published workflow, or an execution."
            ),
        ] = None,
        graph: Annotated[bool, typer.Option("--graph", help="The graph that carries every workflow out.")] = False,
        svg: Annotated[bool, typer.Option("--svg", help="A picture, in place of Mermaid text.")] = False,
        version: WhichVersion = None,
    ) -> None:
        """Draw a workflow, an execution or the graph itself as Mermaid text, or as a picture."""


def _register_schema(app: typer.Typer) -> None:
    @command(
        app,
        "schema",
        "orchestrator.cli.schema:schema",
        rich_help_panel=PANEL,
        epilog=examples(
            "baton schema > workflow.schema.json",
            note="In an editor with a YAML language server: # yaml-language-server: $schema=workflow.schema.json",
        ),
    )
    def schema() -> None:
        """Print the JSON Schema of definitions, for editors."""


def _register_publish(app: typer.Typer) -> None:
    @command(
        app,
        "publish",
        "orchestrator.cli.publish:publish",
        rich_help_panel=PANEL,
        epilog=examples("baton publish refund.yaml", "baton publish flows/*.yaml && baton run refund"),
    )
    def publish(
        files: Annotated[
            list[Path],
            typer.Argument(metavar="FILE...", help="Definitions; each may name workflows of the others."),
        ],
        by: Annotated[str | None, typer.Option(metavar="NAME", help="Who; else the user of this machine.")] = None,
        strict: Annotated[bool, typer.Option("--strict", help=_STRICT)] = False,
    ) -> None:
        """Add definitions to the catalogue, to be run by name. A published version never changes.

        All of them or, when one has errors, none. A workflow that they name and nobody has published yet is a warning.
        """


def _register_fill(app: typer.Typer) -> None:
    @command(
        app,
        "fill",
        "orchestrator.cli.fill:fill",
        rich_help_panel=PANEL,
        epilog=examples(
            "baton fill fetch.template.yaml --param name=fetch_orders --param attempts:=5 > fetch_orders.yaml",
            "baton fill fetch.template.yaml --param @orders.json --publish && baton run fetch_orders",
        ),
    )
    def fill(
        file: Annotated[Path, typer.Argument(metavar="FILE", help="A template (kind: WorkflowTemplate).")],
        given: Annotated[
            list[str] | None,
            typer.Option(
                "--param",
                "-p",
                metavar="K=V|K:=JSON|@FILE|-",
                help="A parameter: text, a JSON value, or a JSON file with several; may be repeated.",
            ),
        ] = None,
        publish: Annotated[bool, typer.Option("--publish", help="Publish it, and do not print it.")] = False,
        by: Annotated[str | None, typer.Option(metavar="NAME", help="Who; else the user of this machine.")] = None,
    ) -> None:
        """Make a workflow of a template, with values for its parameters, and print it as YAML."""
