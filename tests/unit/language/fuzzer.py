"""`python -m tests.unit.language.fuzzer --seed 1 --count 500`: mutated example definitions, within a second and 200 MB.

A process of its own, so that what one definition takes of memory is seen, and cannot take the machine's. Prints what it
found as JSON: definitions that took too long or too much, or raised anything but the errors there are for them.
"""

import argparse
import copy
import json
import random
import resource
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from graphs.errors import DefinitionError
from graphs.loader import examine_text, load_workflow
from graphs.loading.nodes import value_of
from graphs.loading.reading import read_tree
from tests.support.language import STEP_TYPES
from tests.unit.language.test_examples import ALL
from tests.unit.language.test_mutations import KEYS, PIECES, VALUES, places

SECONDS, MEGABYTES = 1.0, 200
ODD = ["\u202e", "\u0000", "\ufeff", "\U0001f468\u200d\U0001f469", "e\u0301" * 50, "\ud800", "ﬁ", "\u2028", "İ", "٣"]
LARGE = [10**400, -(10**400), 2**63, 1e308, -0.0, 10**18, 1e-320]

Mutation = Callable[[Any, random.Random], Any]


def deleted(document: Any, chance: random.Random) -> Any:
    holder, key = chance.choice(list(places(document)))
    del holder[key]
    return document


def doubled(document: Any, chance: random.Random) -> Any:
    holder, key = chance.choice(list(places(document)))
    if isinstance(holder, list):
        few = len(repr(holder[key])) > 5000  # larger than is read at all would be refused at once
        holder[key:key] = [copy.deepcopy(holder[key]) for _ in range(1 if few else chance.choice([1, 2, 200]))]
    else:
        holder[f"{key}_{chance.choice(KEYS)}"] = copy.deepcopy(holder[key])
    return document


def swapped(document: Any, chance: random.Random) -> Any:
    """Two values change places, unless one stands in the other."""
    (one, this), (other, that) = (chance.choice(list(places(document))) for _ in range(2))
    first, second = copy.deepcopy(one[this]), copy.deepcopy(other[that])
    one[this] = second
    if this in one and that in (other if isinstance(other, dict) else range(len(other))):
        other[that] = first
    return document


def retyped(document: Any, chance: random.Random) -> Any:
    holder, key = chance.choice(list(places(document)))
    value = holder[key]
    holder[key] = chance.choice([[value], {"x": value}, str(value), copy.deepcopy(chance.choice(VALUES)), None])
    return document


def braced(document: Any, chance: random.Random) -> Any:
    """Braces and other pieces of expressions within a text."""
    texts = [(holder, key) for holder, key in places(document) if isinstance(holder[key], str)]
    if texts:
        holder, key = chance.choice(texts)
        at = chance.randint(0, len(holder[key]))
        piece = chance.choice(
            ["{{", "}}", "{%", "{{ {{", "{{ '" + "(" * 500, "{{ a" + ".b" * 5000 + " }}", "{{ 9**9**9 }}"]
        )
        holder[key] = holder[key][:at] + piece + holder[key][at:]
    return document


def nested(document: Any, chance: random.Random) -> Any:
    """Something inside of itself, deeper than anybody means."""
    holder, key = chance.choice(list(places(document)))
    value = holder[key]
    for _ in range(chance.choice([5, 60, 400])):
        value = [value] if chance.random() < 0.5 else {chance.choice(KEYS): value}
    holder[key] = value
    return document


def odd(document: Any, chance: random.Random) -> Any:
    holder, key = chance.choice(list(places(document)))
    if isinstance(holder, dict) and chance.random() < 0.4:
        holder[chance.choice(ODD)] = holder.pop(key)
    else:
        holder[key] = chance.choice(ODD) * chance.choice([1, 1, 1000])
    return document


def large(document: Any, chance: random.Random) -> Any:
    holder, key = chance.choice(list(places(document)))
    holder[key] = chance.choice([*LARGE, "9" * 5000, list(range(20_000)), "x" * 500_000])
    return document


MUTATIONS: list[Mutation] = [deleted, doubled, swapped, retyped, braced, nested, odd, large]


def mutated(text: str, chance: random.Random) -> str:
    """A text after a few mutations: of the document, or of its characters."""
    if chance.random() < 0.3:
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(text) + 1)
            text = chance.choice(
                [text[:at], text[:at] + chance.choice(PIECES + ODD) + text[at:], text[:at] + text[at + 9 :]]
            )
        return text
    root = read_tree(text).root
    document = copy.deepcopy(value_of(root)) if root is not None else {}
    for _ in range(chance.randint(1, 4)):
        if isinstance(document, dict | list) and document:
            document = chance.choice(MUTATIONS)(document, chance)
    return json.dumps(document)


def judge(text: str) -> str | None:
    """What is wrong with how a definition is taken; None when all is well."""
    began = time.process_time()
    try:
        report = examine_text(text, step_types=STEP_TYPES)
        if report.workflow is None:
            try:
                load_workflow(text, step_types=STEP_TYPES)
            except DefinitionError as error:
                assert error.problems
            else:
                return "its errors were not raised"
    except MemoryError:
        return f"more than {MEGABYTES} MB"
    except Exception:  # noqa: BLE001 - which is what is looked for
        return traceback.format_exc(limit=-3)
    # Looked at twice, when it is refused.
    took = (time.process_time() - began) / (1 if report.workflow is not None else 2)
    return f"{took:.1f} s" if took > SECONDS else None


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.unit.language.fuzzer", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--keep", type=Path, help="a folder for the definitions that were found")
    given = parser.parse_args()
    texts = [path.read_text(encoding="utf-8") for path in ALL]
    for text in texts:
        judge(text)  # what is loaded once is nobody's fault
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + MEGABYTES * 2**20, resource.RLIM_INFINITY))
    wrong, slowest = {}, 0.0
    for seed in range(given.seed * 1_000_000, given.seed * 1_000_000 + given.count):
        chance = random.Random(seed)
        text = mutated(chance.choice(texts), chance)
        began = time.process_time()
        if (found := judge(text)) is not None:
            wrong[seed] = found
            if given.keep is not None:
                (given.keep / f"{seed}.yaml").write_text(text, encoding="utf-8", errors="surrogatepass")
        slowest = max(slowest, time.process_time() - began)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(json.dumps({"wrong": wrong, "slowest": round(slowest, 2), "megabytes": round(grown)}))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
