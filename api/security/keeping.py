"""The bodies of `baton keys`."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from rich.text import Text

from api.security.keys import new_key
from api.security.rights import RIGHTS, Role, rights_of
from graphs.errors import InputError, NotFoundError
from orchestrator.cli.exits import Exit
from orchestrator.cli.options import Shared
from orchestrator.cli.support.opening import looking
from orchestrator.cli.support.setting import Setting, user
from orchestrator.cli.support.tables import print_table
from orchestrator.cli.support.terminal import note, output, print_json, time_text
from orchestrator.cli.support.values import read_ago
from orchestrator.engine import Orchestrator
from orchestrator.store.port import Key

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9@._+-]{0,127}")


async def create_key(
    shared: Shared,
    *,
    name: str,
    role: Sequence[str],
    scope: Sequence[str] | None,
    group: Sequence[str] | None,
    expires: str | None,
) -> int:
    """See `api.security.command`."""
    setting = Setting(shared)
    _check(name, role, setting.tenant, scope or (), group or ())
    lasts = read_ago(expires, "--expires") if expires else None
    async with looking(setting, make=True) as baton:
        now = baton.clock.now()
        key_id, text, hashed = new_key()
        key = Key(
            id=key_id,
            hash=hashed,
            name=name,
            tenant=setting.tenant,
            role=" ".join(dict.fromkeys(role)),
            scopes=tuple(scope or ()),
            groups=tuple(group or ()),
            created_at=now,
            created_by=user(),
            expires_at=now + lasts if lasts is not None else None,
        )
        await baton.store.add_key(key)
    if shared.as_json:
        print_json({"key": _document(key) | {"secret": text}})
        return Exit.COMPLETED
    output().print(Text(text, "bold"), soft_wrap=True)
    note("Keep it: it cannot be shown again. Clients send it as 'x-api-key', or as 'Authorization: Bearer …'.")
    return Exit.COMPLETED


async def list_keys(shared: Shared) -> int:
    """See `api.security.command`."""
    setting = Setting(shared)
    async with looking(setting) as baton:
        keys = await baton.store.keys(setting.only)
    if shared.as_json:
        print_json({"keys": [_document(key) for key in keys]})
        return Exit.COMPLETED
    if not keys:
        output().print("There are no keys: baton keys create.")
        return Exit.COMPLETED
    now = datetime.now(UTC)
    rows = [
        (
            Text(key.id, "bold"),
            key.name,
            key.tenant,
            f"{key.role} ({', '.join(key.scopes)})" if key.scopes else key.role,
            ", ".join(key.groups),
            Text(_state(key, now), "dim" if key.revoked_at else ""),
            time_text(key.used_at, now) if key.used_at else "never",
        )
        for key in keys
    ]
    print_table(("id", "name", "tenant", "role", "groups", "state", "last used"), rows)
    return Exit.COMPLETED


async def revoke_key(shared: Shared, *, id: str) -> int:  # noqa: A002 - as on the command line
    """See `api.security.command`."""
    async with looking(Setting(shared)) as baton:
        revoked = await baton.store.revoke_key(await _meant(baton, id), by=user())
    if shared.as_json:
        print_json({"key": _document(revoked)})
    else:
        output().print(f"The key {revoked.id} of {revoked.name} is revoked.")
    return Exit.COMPLETED


async def _meant(baton: Orchestrator, prefix: str) -> str:
    """The whole id of the key that is meant.

    Raises:
        NotFoundError, InputError: none begins so, or several do.
    """
    found = [key.id for key in await baton.store.keys() if key.id.startswith(prefix)]
    if len(found) > 1:
        raise InputError(f"'{prefix}' is the beginning of {len(found)} keys.", hint=f"They are: {', '.join(found)}.")
    if not found:
        raise NotFoundError(
            f"There is no key '{prefix}'.", hint="List what there is: baton keys list.", code="key_not_found"
        )
    return found[0]


def _check(name: str, roles: Sequence[str], tenant: str, scopes: Sequence[str], groups: Sequence[str]) -> None:
    """Raises:
    InputError: one of the words cannot be.
    """
    if unknown := [role for role in roles if role not in RIGHTS]:
        raise InputError(f"There is no role '{unknown[0]}'.", hint=f"Roles: {', '.join(Role)}.", code="role_unknown")
    rights = rights_of(roles)
    if wrong := [scope for scope in scopes if scope not in rights]:
        raise InputError(
            f"A key of role '{' '.join(roles)}' cannot be left the right '{wrong[0]}', which the role does not have.",
            hint=f"It has: {', '.join(sorted(rights))}.",
            code="scope_unknown",
        )
    for what, word in (("name", name), ("tenant", tenant), *(("group", group) for group in groups)):
        if not _NAME.fullmatch(word):
            raise InputError(
                f"'{word}' is no {what}.", hint="Use letters, digits and @._+-, 128 of them at most.", code="word_wrong"
            )


def _state(key: Key, now: datetime) -> str:
    if key.revoked_at is not None:
        return "revoked"
    if key.expires_at is None:
        return "valid"
    return f"until {key.expires_at:%Y-%m-%d %H:%M}" if key.expires_at > now else "expired"


def _document(key: Key) -> dict[str, Any]:
    names = ("id", "name", "tenant", "role", "scopes", "groups", "created_at", "created_by")
    times = ("expires_at", "revoked_at", "used_at")
    return {name: getattr(key, name) for name in (*names, *times)}
