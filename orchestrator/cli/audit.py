"""`baton audit`: who did what, and whether nobody touched what is told of it."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from rich.text import Text

from graphs.errors import InputError, NotFoundError, StoreError
from orchestrator.audit.exporting import FileReport, checked, exported
from orchestrator.cli.exits import Exit
from orchestrator.cli.options import Shared
from orchestrator.cli.support.opening import looking
from orchestrator.cli.support.setting import Setting
from orchestrator.cli.support.tables import print_table
from orchestrator.cli.support.terminal import one_line, output, print_json, time_text
from orchestrator.cli.support.values import read_since
from orchestrator.sealing import Cipher
from orchestrator.store.cipher import Cipher as FernetCipher
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


async def export(shared: Shared, *, target: Path) -> int:
    """See `orchestrator.cli.declared.looking`."""
    setting = Setting(shared)
    async with looking(setting) as baton:
        lines = exported(baton.store, baton.catalogue.cipher, setting.only, baton.clock.now())
        try:
            with target.open("xb") as file:
                async for line in lines:
                    file.write(line)
        except FileExistsError:
            raise InputError(
                f"There is a file '{target}' already.", hint="Name another one.", code="export_exists"
            ) from None
        except OSError as error:
            raise StoreError(f"'{target}' cannot be written: {error.strerror}.", code="export_unwritable") from error
    report = _checked(target, baton.catalogue.cipher())
    if shared.as_json:
        print_json({"export": str(target), "rows": report.rows, "head": report.head})
    else:
        output().print(f"{target}: {report.rows} rows, the newest has the hash {report.head}.")
    return Exit.COMPLETED


async def verify(shared: Shared, *, file: Path | None) -> int:
    """See `orchestrator.cli.declared.looking`."""
    if file is not None:
        return _verify_file(shared, file)
    async with looking(Setting(shared)) as baton:
        report = await baton.store.verify_audit()
    if shared.as_json:
        print_json(asdict(report))
    elif report.ok:
        output().print(f"The audit trail holds: {report.rows} rows, the newest has the hash {report.head}.")
    else:
        output().print(Text(f"The audit trail does not hold: {report.reason}.", "red"))
    return Exit.COMPLETED if report.ok else Exit.PROBLEM


def _verify_file(shared: Shared, file: Path) -> int:
    """Check a file, without opening a database; its seal where the key is at hand."""
    settings = Setting(shared).settings
    cipher = FernetCipher.open(
        settings.database, settings.secret_key.get_secret_value() if settings.secret_key else None
    )
    report = _checked(file, cipher if cipher.has_key else None)
    if shared.as_json:
        print_json(asdict(report))
    elif report.ok:
        whose = "the audit trail" if report.tenant is None else f"the audit trail of '{report.tenant}'"
        output().print(f"{file} holds: {report.rows} rows of {whose}, the newest has the hash {report.head}.")
        if report.sealed is None:
            output().print(Text("Its seal was not checked: the key of its database is not here.", "yellow"))
    else:
        output().print(Text(f"{file} does not hold, from line {report.line} on: {report.reason}.", "red"))
    return Exit.COMPLETED if report.ok else Exit.PROBLEM


def _checked(file: Path, cipher: Cipher | None) -> FileReport:
    try:
        with file.open("rb") as lines:
            return checked(lines, cipher)
    except FileNotFoundError:
        raise NotFoundError(f"There is no file '{file}'.", code="file_not_found") from None
    except OSError as error:
        raise StoreError(f"'{file}' cannot be read: {error.strerror}.", code="file_unreadable") from error
