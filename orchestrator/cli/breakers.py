"""`baton breakers`: who is left alone for a while, and who is well again."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from rich.text import Text

from graphs.errors import InputError
from orchestrator.cli.exits import Exit
from orchestrator.cli.options import Shared
from orchestrator.cli.support.opening import looking
from orchestrator.cli.support.setting import Setting
from orchestrator.cli.support.tables import print_table
from orchestrator.cli.support.terminal import one_line, output, print_json, time_text
from orchestrator.store.port import KeptBreaker

_STYLES = {"closed": "green", "open": "red", "half_open": "yellow"}


async def list_breakers(shared: Shared) -> int:
    """See `orchestrator.cli.declared.looking`."""
    async with looking(Setting(shared)) as baton:
        kept = await baton.breakers()
    if shared.as_json:
        print_json({"breakers": kept})
    elif not kept:
        output().print("No circuit breaker has counted a failure.")
    else:
        _print(kept)
    return Exit.COMPLETED


def _print(kept: Sequence[KeptBreaker]) -> None:
    now = datetime.now(UTC)
    rows: list[tuple[Any, ...]] = [
        (
            Text(one.name, "bold"),
            Text(one.state.replace("_", "-"), _STYLES[one.state]),
            str(one.failures),
            time_text(one.opened_at, now),
            time_text(one.until, now),
            str(one.waiting or ""),
            one_line(one.reason or "", 80),
        )
        for one in kept
    ]
    print_table(("breaker", "state", "failures", "opened", "probed from", "waiting", "last failure"), rows)


async def reset(shared: Shared, *, name: str | None, every: bool) -> int:
    """See `orchestrator.cli.declared.looking`.

    Raises:
        InputError: neither a name nor `--all` is given, or both are.
        NotFoundError: there is no such breaker.
    """
    if (name is None) != every:
        raise InputError(
            "Which circuit breaker?", hint="Give a name, or --all; baton breakers lists them.", code="breaker_unnamed"
        )
    async with looking(Setting(shared)) as baton:
        names = [one.name for one in await baton.breakers() if one.state != "closed"] if name is None else [name]
        before = {one.name: one for one in await baton.breakers()}
        done = [await baton.reset_breaker(one) for one in names]
    if shared.as_json:
        print_json({"breakers": done})
        return Exit.COMPLETED
    if not done:
        output().print("Every circuit breaker is closed.")
    for one in done:
        waited = before[one.name].waiting if one.name in before else 0
        called = f"; {waited} waiting step{'s' if waited > 1 else ''} called" if waited else ""
        output().print(f"The circuit breaker of {one.name} is closed{called}.")
    return Exit.COMPLETED
