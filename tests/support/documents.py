"""What the documentation shows, to be run: its files, its commands with their exit codes, its scripts."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FILE = re.compile(r"<!-- file: (?P<name>[\w.]+) -->\n```\w+\n(?P<text>.*?)```", re.S)
_BLOCK = re.compile(r"(?:<!-- (?P<mark>[^\n]*) -->\n)?```(?P<kind>\w+)\n(?P<text>.*?)```", re.S)
_COMMAND = re.compile(r"(?P<line>baton .*?)\s+# (?P<code>\d+)$")
_LINK = re.compile(r"\]\((?!https?:)(?P<target>[^)#\s]*)(?P<place>#[^)\s]*)?\)")


@dataclass(frozen=True)
class Document:
    """One text of the documentation."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def text(self) -> str:
        return self.path.read_text()

    def files(self) -> dict[str, str]:
        """The files a reader of it has: its own, and those of the README, which comes first."""
        texts = (README.text, self.text)
        return {found["name"]: found["text"] for text in texts for found in _FILE.finditer(text)}

    def blocks(self, kind: str, mark: str | None = None) -> list[str]:
        """Its blocks of a language, those under a mark, or all."""
        found = [block for block in _BLOCK.finditer(self.text) if block["kind"] == kind]
        return [block["text"] for block in found if mark in (None, block["mark"])]

    def commands(self) -> Iterator[tuple[str, int]]:
        """Each command that says how it exits, with that."""
        for block in self.blocks("console"):
            for line in block.splitlines():
                if found := _COMMAND.match(line):
                    yield found["line"], int(found["code"])

    def links(self) -> list[Path]:
        """The files of the project that it points to."""
        return [(self.path.parent / found["target"]).resolve() for found in _LINK.finditer(self.text)]


README = Document(ROOT / "README.md")
GATEWAY = Document(ROOT / "docs" / "gateway.md")
DOCUMENTS = (README, *(Document(path) for path in sorted((ROOT / "docs").glob("*.md"))))
