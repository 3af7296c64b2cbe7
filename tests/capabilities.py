"""What the requirement documents ask, by id, and the tests that prove it: `python -m tests.capabilities` writes
`tests/CAPABILITIES.md` from the markers on the tests (`@pytest.mark.capability("F01")`, and `=== name [F01]` in the
files of messages, whose cases are tests too).
"""

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
TABLE = HERE / "CAPABILITIES.md"

LATER = {
    "A26": "analytics over many executions; what one execution cost, streaming (A15) and plug-ins (I11) are here",
    "A30": "a second store (Postgres) and Kafka behind the same ports; the other settings are here (P06, P01)",
    "A48": "not offered: a decorated function would have to be replayed; the same workflow has a wait step (X-19, X26)",
    "A56": "monitoring sessions and baselines; alerts are here",
    "A57": "the monitor; advice, alerts, executor, retries, breakers and limits are here (A55, P03, P05, P06)",
    "B01": "no test of its own: C01, F01, F05, D01, E01 and I14 prove its parts",
    "B02": "the designer (C08) and analytics (O07) are missing; its other parts are proved by themselves",
    "B03": "prediction, auto-scaling and learning of strategies are missing (O18, O19); the rest is proved (O16, O17)",
    "B04": "scaling out (O14) is missing; the other benefits are proved by the ids they are made of",
    "B05": "no test of its own: I04, D01, I25, I02, O21 and O12 prove its parts",
    "B06": "no test of its own: X-1, I27, I26 and I20 prove its parts",
    "B08": "no web page, and no scaling out (O14); web applications are served over REST (I14) and SDKs (I23)",
    "B09": "no test of its own: C07, E01 to E28, P06 and O01 prove its parts",
    "B10": "no test of its own: D04, F03, E18, F22, P06 and O01 prove its parts",
    "B11": "advice to people; that concurrency always has a limit is proved (F11, Q05)",
    "C08": "a web page on top of the gateway; the schema for editors (C12) and drawings (C16) are here",
    "I17": "Kafka behind the port that signed webhooks and /v1/events publish through (I04)",
    "M07": "performance baselines, with monitoring",
    "O07": "analytics of processes over many executions",
    "O09": "nothing measures targets; they are kept with the definition (M04)",
    "O10": "baselines and what deviates from them; alerts are here (E24)",
    "O14": "several workers on one queue, with a second store; one engine drives a file",
    "O18": "nothing foretells how an execution ends or how long it takes; advice from its past is here (O16)",
    "O19": "needs several workers (O14)",
    "R02": "a reference point: its hybrid execution needs several workers (O14); observability is here (O01, O12)",
    "R03": "a reference point: graphs in Python are here (C04, C05); its infrastructure is not wanted",
    "R04": "not offered: nothing here is a managed service or tied to one provider",
}
"""Ids that nothing proves yet, and what they wait for."""


def asked() -> dict[str, tuple[str, str]]:
    """Section and name of every id, in the order of the documents' table."""
    lines = (HERE / "capabilities.tsv").read_text().splitlines()
    return {parts[1]: (parts[0], parts[2]) for parts in (line.split("\t") for line in lines)}


_CASE = re.compile(r"^=== (.+) \[(.+)\]$", re.MULTILINE)


def proved() -> dict[str, list[str]]:
    """For each id, the tests that carry its marker."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(HERE.rglob("test_*.py")):
        tree = ast.parse(path.read_text())
        place = path.relative_to(HERE).as_posix()
        for node in tree.body:
            for name in _marked_by_module(node):
                found[name].append(place)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                for name in _ids(node.decorator_list):
                    found[name].append(f"{place}::{node.name}")
            for inner in ast.walk(node) if isinstance(node, ast.ClassDef) else ():
                if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
                    for name in _ids(inner.decorator_list):
                        found[name].append(f"{place}::{inner.name}")
    for path in sorted(HERE.rglob("messages/*.txt")):
        for case, names in _CASE.findall(path.read_text(encoding="utf-8")):
            for name in names.split():
                found[name].append(f"{path.relative_to(HERE).as_posix()}: {case}")
    return found


def _marked_by_module(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.Assign) and any(isinstance(to, ast.Name) and to.id == "pytestmark" for to in node.targets):
        yield from _ids([node.value])


def _ids(expressions: list[ast.expr]) -> Iterator[str]:
    for expression in expressions:
        for call in ast.walk(expression):
            if isinstance(call, ast.Call) and getattr(call.func, "attr", "") == "capability":
                yield from (argument.value for argument in call.args if isinstance(argument, ast.Constant))


def table() -> str:
    """The table, as Markdown."""
    found, rows = proved(), []
    for name, (section, words) in asked().items():
        tests = found.get(name, [])
        more = f" and {len(tests) - 2} more" if len(tests) > 2 else ""
        state = ", ".join(f"`{test}`" for test in tests[:2]) + more if tests else f"later: {LATER.get(name, '?')}"
        rows.append(f"| {name} | {section} | {words} | {state} |")
    done = sum(1 for name in asked() if name in found)
    head = f"# Capabilities\n\n{done} of {len(rows)} ids of the requirement documents are proved by a test."
    return (
        f"{head} Made by `python -m tests.capabilities`.\n\n| id | § | asked | proved by |\n|---|---|---|---|\n"
        + "\n".join(rows)
        + "\n"
    )


if __name__ == "__main__":
    TABLE.write_text(table())
    missing = [name for name in asked() if name not in proved() and name not in LATER]
    sys.stdout.write(f"{TABLE.name} written; neither proved nor put off: {' '.join(missing) or 'none'}\n")
