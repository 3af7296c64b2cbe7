"""The audit trail as a file: JSON lines that can be checked wherever they are taken.

The first line says what it is, the last what it must come to; between them is a row a line. Rows carry the chain's own
hashes, so a file can be held against the database, or against an older file. A tenant's file leaves out the others'
rows: their numbers are missing from it. So that none of its own can be left out in the same way, the last line has a
seal over all that was written: an HMAC with the key of the database.
"""

import hashlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson

from graphs.errors import InputError
from orchestrator.sealing import Cipher
from orchestrator.store.chain import FIRST, entry_hash
from orchestrator.store.port import AuditEntry, AuditFilter, Store
from orchestrator.store.rows import to_time

FORMAT: Final = 1
MEDIA_TYPE: Final = "application/jsonl"
_KIND: Final = "baton.audit"
_PAGE: Final = 1000
_ROW: Final = ("at", "tenant", "actor", "action", "target", "outcome", "detail")


@dataclass(frozen=True, slots=True)
class FileReport:
    """Whether a file of the audit trail holds.

    Attributes:
        rows, head: How many rows it has, and the hash of the last.
        tenant: Whose it is; None for everybody's.
        sealed: Whether the seal is this database's; None where its key is not at hand.
        line: The first line that is not as it was written.
    """

    ok: bool
    rows: int
    head: str
    tenant: str | None = None
    sealed: bool | None = None
    line: int | None = None
    reason: str | None = None


async def exported(
    store: Store, cipher: Callable[[], Cipher], tenant: str | None, now: datetime
) -> AsyncIterator[bytes]:
    """The lines of a file: of a tenant's rows, or of all; as far as the trail goes when it begins."""
    digest, rows, head = hashlib.sha256(), 0, FIRST
    first = {"kind": _KIND, "format": FORMAT, "tenant": tenant, "exported_at": to_time(now)}
    yield _line(first, digest)
    after = 0
    while page := await store.audit(AuditFilter(tenant=tenant, after=after, limit=_PAGE)):
        for entry in page:
            rows, head, after = rows + 1, entry.hash or head, entry.seq or after
            yield _line(_row(entry), digest)
        if len(page) < _PAGE:
            break
    content = digest.hexdigest()
    last = {"kind": "end", "rows": rows, "head": head, "digest": content, "seal": cipher().digest(content.encode())}
    yield _line(last, digest)


def checked(lines: Iterable[bytes], cipher: Cipher | None) -> FileReport:
    """Go through a file.

    Args:
        cipher: With the key of the database that it is from, where that is at hand.

    Raises:
        InputError: it is no such file.
    """
    digest, numbered = hashlib.sha256(), enumerate(lines, 1)
    given = next(numbered, (1, b""))[1]
    first = _read(given)
    if first is None or first.get("kind") != _KIND or first.get("format") != FORMAT:
        raise InputError(
            "This is no file of an audit trail that this Baton can read.",
            hint="Make one with `baton audit export`, or GET /v1/audit/export.",
            code="audit_file_unknown",
        )
    digest.update(given)
    tenant, previous, seq, rows = first.get("tenant"), FIRST, 0, 0
    for number, given in numbered:
        row = _read(given)
        if row is not None and row.get("kind") == "end":
            wrong = _wrong_end(row, rows, previous, digest.hexdigest(), next(numbered, None) is not None)
            sealed = None if cipher is None else row.get("seal") == cipher.digest(digest.hexdigest().encode())
            if wrong is None and sealed is False:
                wrong = "its seal was not made with the key of this database"
            return FileReport(wrong is None, rows, previous, tenant, sealed, number if wrong else None, wrong)
        wrong = _wrong_row(row, seq, previous, whole=tenant is None)
        if row is None or wrong is not None:
            return FileReport(False, rows, previous, tenant, None, number, wrong)
        digest.update(given)
        seq, previous, rows = row["seq"], row["hash"], rows + 1
    return FileReport(False, rows, previous, tenant, None, rows + 2, "its end is missing")


def _row(entry: AuditEntry) -> dict[str, Any]:
    values = {name: getattr(entry, name) for name in _ROW}
    return {"seq": entry.seq, **values, "at": to_time(entry.at), "previous": entry.previous, "hash": entry.hash}


def _line(value: Mapping[str, Any], digest: Any) -> bytes:
    line = orjson.dumps(value) + b"\n"
    digest.update(line)
    return line


def _read(line: bytes) -> dict[str, Any] | None:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def _wrong_row(row: Mapping[str, Any] | None, before: int, previous: str, *, whole: bool) -> str | None:
    """What is wrong with a row that follows another."""
    if row is None or not isinstance(row.get("seq"), int) or any(name not in row for name in (*_ROW, "previous")):
        return "it cannot be read as a row"
    seq = row["seq"]
    if seq <= before:
        return f"row {seq} stands behind row {before}"
    if whole and seq != before + 1:
        return f"row {before + 1} is gone"
    if seq == before + 1 and row["previous"] != previous:
        return f"row {seq} does not follow the row before it"
    if row.get("hash") != entry_hash(seq, [row[name] for name in _ROW], row["previous"]):
        return f"row {seq} was changed"
    return None


def _wrong_end(end: Mapping[str, Any], rows: int, head: str, digest: str, more: bool) -> str | None:
    if more:
        return "something follows its end"
    if (end.get("rows"), end.get("head")) != (rows, head):
        return f"its end speaks of {end.get('rows')} rows, and it has {rows}"
    return None if end.get("digest") == digest else "its lines are not those that were written"
