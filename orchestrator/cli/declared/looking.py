"""Commands that look: list, show, inbox, workflows, breakers, advise, mcp."""

from pathlib import Path
from typing import Annotated, Final

import typer

from graphs.state import ExecutionStatus
from orchestrator.cli.declared.common import Id, Named, OfWorkflow, WhichVersion, examples
from orchestrator.cli.options import command

PANEL: Final = "Look"


def register(app: typer.Typer) -> None:
    """Add them."""
    _register_list(app)
    _register_show(app)
    _register_inbox(app)
    _register_audit(app)
    _register_workflows(app)
    _register_breakers(app)
    _register_advise(app)
    _register_mcp(app)


def _register_mcp(app: typer.Typer) -> None:
    @command(
        app,
        "mcp",
        "orchestrator.cli.mcp:mcp",
        rich_help_panel=PANEL,
        epilog=examples("baton mcp", note="It exits with 1 when one of them cannot be reached."),
    )
    def mcp() -> None:
        """Ask MCP servers (of BATON_MCP, of modules) for their tools: which can be reached, and what they offer."""


def _register_advise(app: typer.Typer) -> None:
    @command(
        app,
        "advise",
        "orchestrator.cli.advise:advise",
        rich_help_panel=PANEL,
        epilog=examples("baton advise refund", "baton advise refund --version 1.2 --json | jq .advice"),
    )
    def advise(
        name: Named,
        version: WhichVersion = None,
    ) -> None:
        """Say what the last executions of a workflow show that could be better: retries, time limits, order, limits."""


def _register_list(app: typer.Typer) -> None:
    @command(
        app,
        "list",
        "orchestrator.cli.list:list_executions",
        rich_help_panel=PANEL,
        epilog=examples(
            "baton list --status failed --since 2d",
            "baton list --workflow refund --limit 20 --before 7f3c  # the page after 7f3c",
        ),
    )
    def list_executions(
        status: Annotated[
            list[ExecutionStatus] | None, typer.Option(help="Only those that stand so; may be repeated.")
        ] = None,
        workflow: OfWorkflow = None,
        since: Annotated[
            str | None, typer.Option(metavar="AGO|TIME", help="Only those begun since: 2h, 3d, 2026-11-20T09:00.")
        ] = None,
        limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 50,
        before: Annotated[str | None, typer.Option(metavar="ID", help="Only those older than this execution.")] = None,
    ) -> None:
        """List executions, newest first."""


def _register_show(app: typer.Typer) -> None:
    @command(
        app,
        "show",
        "orchestrator.cli.show:show",
        rich_help_panel=PANEL,
        epilog=examples("baton show 7f3c", "baton show 7f3c --json | jq '.steps[] | select(.status == \"failed\")'"),
    )
    def show(
        id: Id,  # noqa: A002
        records: Annotated[bool, typer.Option("--records", help="The whole history, record by record.")] = False,
    ) -> None:
        """Tell an execution's story: what it did, what it waits for and how to answer, how it ended."""


def _register_inbox(app: typer.Typer) -> None:
    @command(
        app,
        "inbox",
        "orchestrator.cli.inbox:inbox",
        rich_help_panel=PANEL,
        epilog=examples("baton inbox", "baton inbox --for ann --group finance"),
    )
    def inbox(
        for_: Annotated[
            list[str] | None, typer.Option("--for", metavar="NAME", help="Only approvals they may decide; repeatable.")
        ] = None,
        group: Annotated[
            list[str] | None, typer.Option(metavar="GROUP", help="Only approvals this group may decide; repeatable.")
        ] = None,
        workflow: OfWorkflow = None,
    ) -> None:
        """List everything that is waited for: approvals, events, timers, each with the command that answers it."""


def _register_audit(app: typer.Typer) -> None:
    audit_app = typer.Typer()
    app.add_typer(audit_app, name="audit", rich_help_panel=PANEL)

    @command(
        audit_app,
        "",
        "orchestrator.cli.audit:audit",
        invoke_without_command=True,
        epilog=examples("baton audit --actor ann", "baton audit verify"),
    )
    def audit(
        actor: Annotated[str | None, typer.Option(metavar="NAME", help="Only what they did.")] = None,
        since: Annotated[str | None, typer.Option(metavar="AGO|TIME", help="Only since then: 2h, 3d, a time.")] = None,
        limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many at most.")] = 100,
    ) -> None:
        """Tell who did what and when: keys, decisions, and all that was asked of the gateway."""

    @command(
        audit_app,
        "export",
        "orchestrator.cli.audit:export",
        epilog=examples(
            "baton audit export audit.jsonl",
            "baton audit export --tenant acme acme.jsonl",
            note="It is JSON lines, with the chain's hashes and a seal: baton audit verify FILE.",
        ),
    )
    def export(
        target: Annotated[Path, typer.Argument(metavar="FILE", help="The file to make.")],
    ) -> None:
        """Write the audit trail to a file that can be checked elsewhere."""

    @command(
        audit_app,
        "verify",
        "orchestrator.cli.audit:verify",
        epilog=examples("baton audit verify", "baton audit verify audit.jsonl"),
    )
    def verify(
        file: Annotated[
            Path | None, typer.Argument(metavar="[FILE]", help="An exported file, in place of the database.")
        ] = None,
    ) -> None:
        """Check that no row of the audit trail was changed, taken out or cut off; prints the newest row's hash."""


def _register_workflows(app: typer.Typer) -> None:
    workflows_app = typer.Typer()
    app.add_typer(workflows_app, name="workflows", rich_help_panel=PANEL)

    @command(
        workflows_app,
        "",
        "orchestrator.cli.workflows:workflows",
        invoke_without_command=True,
        epilog=examples("baton workflows", "baton workflows show refund", "baton workflows deprecate refund@1.0"),
    )
    def workflows() -> None:
        """List the catalogue of published workflows; show one of them, or deprecate a version."""

    command(
        workflows_app, "list", "orchestrator.cli.workflows:workflows", hidden=True, epilog=examples("baton workflows")
    )(workflows)

    @command(
        workflows_app,
        "show",
        "orchestrator.cli.workflows:show",
        epilog=examples(
            "baton workflows show refund",
            "baton workflows show refund@1.0 --source > refund.yaml",
        ),
    )
    def show_one(
        name: Named,
        version: WhichVersion = None,
        source: Annotated[bool, typer.Option("--source", help="Only the definition, as YAML.")] = False,
    ) -> None:
        """Tell what is published under a name: its versions, what it is for, its definition."""

    @command(
        workflows_app,
        "deprecate",
        "orchestrator.cli.workflows:deprecate",
        epilog=examples(
            "baton workflows deprecate refund@1.0",
            "baton workflows deprecate refund@1.0 --undo",
            note="Where all versions are deprecated, the newest of them is still what the name alone starts.",
        ),
    )
    def deprecate(
        name: Named,
        version: Annotated[
            str | None, typer.Argument(metavar="[VERSION]", help="The same as in NAME@VERSION; may be left out of one.")
        ] = None,
        undo: Annotated[bool, typer.Option("--undo", help="Offer it again.")] = False,
    ) -> None:
        """No longer start a version by name alone; executions under way are not touched."""


def _register_breakers(app: typer.Typer) -> None:
    breakers_app = typer.Typer()
    app.add_typer(breakers_app, name="breakers", rich_help_panel=PANEL)
    about = "A running engine hears a reset at once; steps that wait for it go on."

    @command(
        breakers_app,
        "",
        "orchestrator.cli.breakers:list_breakers",
        invoke_without_command=True,
        epilog=examples("baton breakers", "baton breakers reset payment-service", note=about),
    )
    def breakers() -> None:
        """List circuit breakers: of every service and model provider that has failed, or reset one."""

    @command(
        breakers_app,
        "list",
        "orchestrator.cli.breakers:list_breakers",
        epilog=examples("baton breakers list"),
    )
    def list_breakers() -> None:
        """List circuit breakers."""

    @command(
        breakers_app,
        "reset",
        "orchestrator.cli.breakers:reset",
        epilog=examples("baton breakers reset payment-service", "baton breakers reset --all", note=about),
    )
    def reset(
        name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Whose breaker.")] = None,
        every: Annotated[bool, typer.Option("--all", help="Every one that is not closed.")] = False,
    ) -> None:
        """Close a circuit breaker by hand: what it guards is well again."""
