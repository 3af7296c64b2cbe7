"""Parameters that several commands have, and how examples are shown."""

from typing import Annotated, Final

import typer

ANSWER: Final = "Answer"
"""The part of the help in which people answer and steer."""
HEARD: Final = "A running engine hears it at once; without one, it is kept for the next."

Id = Annotated[str, typer.Argument(metavar="ID", help="The execution; the first letters of its id will do.")]
By = Annotated[str | None, typer.Option(metavar="NAME", help="Who decides; else the user of this machine.")]
NewId = Annotated[str | None, typer.Option("--id", metavar="ID", help="The new execution's id; else one is made.")]
Key = Annotated[
    str | None,
    typer.Option(
        metavar="KEY",
        help="Idempotency key: with one that was sent before, the older execution is shown. Another wish is refused.",
    ),
]
Reason = Annotated[str | None, typer.Option(metavar="TEXT", help="Why.")]
Named = Annotated[str, typer.Argument(metavar="NAME[@VERSION]", help="A published workflow; else its newest version.")]
WhichVersion = Annotated[
    str | None, typer.Option(metavar="VERSION", help="Which published version, as in NAME@VERSION; else the newest.")
]
OfWorkflow = Annotated[
    str | None, typer.Option("--workflow", metavar="NAME[@VERSION]", help="Only those of this workflow.")
]
Watch = Annotated[
    bool | None,
    typer.Option(
        "--watch/--no-watch",
        help="Show what happens as it happens. [dim]With --json: a line for each record; else one document.[/]",
        show_default=False,
    ),
]
UntilRest = Annotated[
    bool | None,
    typer.Option(
        "--until-rest/--until-end",
        help="Stop (exit code 4) when it rests, or wait for answers from elsewhere until it ends. "
        "[dim]Default: at a terminal until the end; else until only people or events can move it on.[/]",
        show_default=False,
    ),
]
Detach = Annotated[
    bool, typer.Option("--detach", help="Only store it, and return; a running engine takes it up, or a later one.")
]


def examples(*lines: str, note: str = "") -> str:
    """An epilog. Each example is a command and, after two blanks and a #, what it is good for."""
    shown = "\n".join(f"  {line.replace('  # ', '  [dim]# ')}{'[/]' if '  # ' in line else ''}" for line in lines)
    return f"[bold]Examples[/]\n{shown}" + (f"\n\n{note}" if note else "")
