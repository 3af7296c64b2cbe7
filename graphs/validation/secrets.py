"""Secrets in expressions: not in conditions, and not in a fast digest (X12)."""

from collections.abc import Iterator

from graphs.expressions import Condition, Reference, Template, tree
from graphs.expressions.braces import pieces
from graphs.expressions.references import references
from graphs.inputs.secrets import covers, secret_paths
from graphs.loading.findings import Findings
from graphs.loading.names import suggestion
from graphs.validation.known import Known
from graphs.validation.outline import Outline
from graphs.validation.said import Said, texts_in

_HASH = "hash"


class Secrets:
    """Judges expressions that read secrets."""

    def __init__(self, outline: Outline, known: Known, findings: Findings) -> None:
        self._findings = findings
        self._known = known.secrets
        self._paths = secret_paths(outline.workflow.spec.input.schema_)

    def check(self, parsed: Condition | Template, said: Said) -> None:
        """Judge everything that stands in one field."""
        for reference in parsed.references:
            self._check_known(reference, said)
        if isinstance(parsed, Condition):
            for reference in parsed.references:
                if self._is_secret(reference) and not reference.guarded:
                    words = f"a condition cannot depend on the secret '{_written(reference)}'"
                    hint = "Conditions are kept and shown with their outcome; test something else."
                    said.add(self._findings, "secret_in_condition", words, hint, reference)
            self._check_digests(parsed.expression.tree, 0, (), said)
            return
        for path in texts_in(parsed.value, _HASH):
            for piece in pieces(said.text(path)):
                if not isinstance(piece, str):
                    self._check_digests(piece[0].tree, piece[1], path, said)

    def _check_known(self, reference: Reference, said: Said) -> None:
        if self._known is None or reference.root != "secrets" or not reference.path or reference.guarded:
            return
        name = str(reference.path[0])
        if name not in self._known:
            words = f"there is no secret '{name}' in this engine's settings"
            hint = suggestion(name, self._known, "Its secrets") + " BATON_SECRETS names those it may read."
            said.add(self._findings, "secret_unknown", words, hint, reference)

    def _check_digests(self, node: tree.Node, begin: int, path: tuple[str | int, ...], said: Said) -> None:
        for digest in _digests(node):
            for reference in references(digest):
                if self._is_secret(reference):
                    name = _written(reference)
                    words = f"hash() is a fast digest, easily guessed back, and '{name}' is a secret"
                    hint = f"Use password_hash({name})."
                    at = reference._replace(offset=begin + digest.offset, at=path)
                    said.add(self._findings, "fast_hash_of_secret", words, hint, at)

    def _is_secret(self, reference: Reference) -> bool:
        if reference.root == "secrets":
            return True
        return reference.root == "input" and covers(self._paths, reference.path)


def _digests(node: tree.Node) -> Iterator[tree.Call | tree.Filter]:
    """Every `hash(x)` and `x|hash`."""
    if isinstance(node, tree.Call | tree.Filter) and node.name == _HASH:
        yield node
    for part in tree.children(node):
        yield from _digests(part)


def _written(reference: Reference) -> str:
    return reference.root + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in reference.path)
