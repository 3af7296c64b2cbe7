"""Lists as tables, and facts about one thing."""

from collections.abc import Iterable, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from orchestrator.cli.support.terminal import output


def print_table(columns: Sequence[str], rows: Iterable[Sequence[RenderableType]]) -> None:
    """Print a table without lines, in the manner of `ps` and `ls`."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        table.add_column(column, no_wrap=True)
    for row in rows:
        table.add_row(*row)
    output().print(table)


def print_facts(facts: Iterable[tuple[str, object]]) -> None:
    """Print facts under their names, a line each; those there are none of are left out."""
    for name, value in facts:
        if value not in (None, ""):
            output().print(Text.assemble((f"{name:<10}", "dim"), value if isinstance(value, Text) else str(value)))
