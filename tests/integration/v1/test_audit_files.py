"""The audit trail as a file: whoever has it can check it, and nobody can change it unnoticed."""

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from graphs.clock import SystemClock
from graphs.errors import InputError
from orchestrator.audit.exporting import checked, exported
from orchestrator.store.cipher import Cipher
from orchestrator.store.port import AuditEntry
from orchestrator.store.sqlite import SqliteStore
from tests.support.gateway.people import caller, make_key
from tests.support.gateway.serving import Served

pytestmark = pytest.mark.capability("O08")

KEY = Cipher(Cipher.new_key(), Path("none"))
Lines = list[bytes]


async def written(path: Path, tenant: str | None) -> Lines:
    """The file of a trail with ten rows: the third, sixth and ninth are another tenant's."""
    clock = SystemClock()
    async with SqliteStore.open(path, clock=clock) as store:
        for number in range(1, 11):
            whose = "acme" if number % 3 == 0 else "default"
            detail = {"words": "höher", "sum": 1.50, "nothing": None}
            store.note(AuditEntry(at=clock.now(), tenant=whose, actor="ann", action="act", detail=detail))
        await store.barrier()
        return [line async for line in exported(store, lambda: KEY, tenant, clock.now())]


def changed(line: bytes, **values: object) -> bytes:
    return orjson.dumps(orjson.loads(line) | values) + b"\n"


def edited(lines: Lines) -> Lines:
    return [*lines[:4], changed(lines[4], actor="ben"), *lines[5:]]


def taken_out(lines: Lines) -> Lines:
    return [*lines[:4], *lines[5:]]


def swapped(lines: Lines) -> Lines:
    return [*lines[:4], lines[5], lines[4], *lines[6:]]


def cut_off(lines: Lines) -> Lines:
    return lines[:4]


def added_to(lines: Lines) -> Lines:
    return [*lines, lines[3]]


def end_made_to_fit(lines: Lines) -> Lines:
    end = orjson.loads(lines[-1])
    head = orjson.loads(lines[-3])["hash"]
    return [*lines[:-2], changed(lines[-1], rows=end["rows"] - 1, head=head)]


def of_another(lines: Lines) -> Lines:
    return [changed(lines[0], tenant=None), *lines[1:]]


def no_row(lines: Lines) -> Lines:
    return [*lines[:4], b"[]\n", *lines[5:]]


@pytest.mark.parametrize(("tenant", "rows"), [(None, 10), ("default", 7), ("acme", 3), ("nobody", 0)])
async def test_a_file_holds_and_says_whose_rows_it_has(tmp_path: Path, tenant: str | None, rows: int) -> None:
    lines = await written(tmp_path / "baton.db", tenant)
    report = checked(lines, KEY)
    assert (report.ok, report.rows, report.tenant, report.sealed) == (True, rows, tenant, True)
    assert {orjson.loads(line)["tenant"] for line in lines[1:-1]} <= ({tenant} if tenant else {"default", "acme"})
    assert checked(lines, None).sealed is None


@pytest.mark.parametrize("tenant", [None, "default"])
@pytest.mark.parametrize(
    ("tamper", "line"),
    [
        (edited, 5),
        (taken_out, None),
        (swapped, None),
        (cut_off, 5),
        (added_to, None),
        (end_made_to_fit, None),
        (no_row, 5),
    ],
)
async def test_what_was_done_to_a_file_is_noticed(
    tmp_path: Path, tenant: str | None, tamper: Callable[[Lines], Lines], line: int | None
) -> None:
    report = checked(tamper(await written(tmp_path / "baton.db", tenant)), KEY)
    assert not report.ok
    assert report.reason
    assert line is None or report.line == line


async def test_a_tenants_file_does_not_pass_for_the_whole(tmp_path: Path) -> None:
    assert not checked(of_another(await written(tmp_path / "baton.db", "default")), None).ok


async def test_a_file_made_up_from_its_beginning_has_not_the_seal(tmp_path: Path) -> None:
    lines = await written(tmp_path / "baton.db", None)
    report = checked(lines, Cipher(Cipher.new_key(), Path("none")))
    assert (report.ok, report.sealed) == (False, False)
    assert report.reason == "its seal was not made with the key of this database"


@pytest.mark.parametrize("content", [[], [b"hello\n"], [b'{"kind": "baton.audit", "format": 2}\n']])
def test_what_is_no_such_file_is_refused(content: Lines) -> None:
    with pytest.raises(InputError, match="no file of an audit trail"):
        checked(content, None)


async def test_the_gateway_gives_administrators_their_tenants_file(served: Served) -> None:
    baton = served.gateway.orchestrator
    keys = {role: await make_key(baton, role, tenant="acme") for role in ("admin", "viewer")}
    await make_key(baton, "admin", tenant="other")
    async with caller(served.url, keys["admin"]) as root, caller(served.url, keys["viewer"]) as eve:
        assert (await eve.get("/v1/audit/export")).status_code == 403
        await baton.store.barrier()
        answer = await root.get("/v1/audit/export")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/jsonl")
    lines = answer.content.splitlines(keepends=True)
    report = checked(lines, baton.catalogue.cipher())
    assert (report.ok, report.sealed, report.tenant, report.rows) == (True, True, "acme", 3)
    assert [orjson.loads(line)["action"] for line in lines[1:-1]] == ["key.created"] * 2 + ["GET /v1/audit/export"]
