"""`baton audit`: who did what, and whether nobody touched what is told of it."""

from dataclasses import asdict
from datetime import UTC, datetime

from rich.text import Text

from orchestrator.cli.exits import Exit
from orchestrator.cli.options import Shared
from orchestrator.cli.support.opening import looking
from orchestrator.cli.support.setting import Setting
from orchestrator.cli.support.tables import print_table
from orchestrator.cli.support.terminal import one_line, output, print_json, time_text
from orchestrator.cli.support.values import read_since
from orchestrator.store.port import AuditFilter


async def audit(shared: Shared, *, actor: str | None, since: str | None, limit: int) -> int:
    """See `orchestrator.cli.declared.looking`. Oldest first."""
    begun = read_since(since, "--since") if since else None
    async with looking(Setting(shared)) as baton:
        found = await baton.store.audit(AuditFilter(actor=actor, since=begun, limit=limit))
    if shared.as_json:
        print_json({"entries": [asdict(one) for one in found]})
        return Exit.COMPLETED
    if not found:
        output().print("The audit trail is empty.")
        return Exit.COMPLETED
    now = datetime.now(UTC)
    rows = [
        (
            Text(str(one.seq), "dim"),
            time_text(one.at, now),
            one.tenant,
            one.actor or "",
            Text(one.action, "bold"),
            one_line(one.target or "", 60),
            one.outcome,
        )
        for one in found
    ]
    print_table(("", "when", "tenant", "who", "what", "on", "outcome"), rows)
    return Exit.COMPLETED


async def verify(shared: Shared) -> int:
    """See `orchestrator.cli.declared.looking`."""
    async with looking(Setting(shared)) as baton:
        report = await baton.store.verify_audit()
    if shared.as_json:
        print_json(asdict(report))
    elif report.ok:
        output().print(f"The audit trail holds: {report.rows} rows, the newest has the hash {report.head}.")
    else:
        output().print(Text(f"The audit trail does not hold: {report.reason}.", "red"))
    return Exit.COMPLETED if report.ok else Exit.PROBLEM
