"""A secret that is easy to find again, in whatever form it stands somewhere."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

SENTINEL = 'hush/"ä=Zm9v+quay'
"""With characters that JSON, URLs and base64 write in other ways."""


def forms(text: str) -> Iterator[bytes]:
    """How a text may stand in a file: as it is, escaped for JSON or a URL, in base64 at any offset, UTF-16, in hex."""
    raw, escaped = text.encode(), json.dumps(text)[1:-1]
    yield from (raw, escaped.encode(), json.dumps(text, ensure_ascii=False)[1:-1].encode())
    yield json.dumps(escaped)[1:-1].encode()
    yield from (quote(text, safe="").encode(), quote(text).encode(), raw.hex().encode(), text.encode("utf-16-le"))
    for offset in range(3):
        yield base64.b64encode(b"x" * offset + raw)[4 if offset else 0 : -4]


def found_in(content: bytes | str, text: str = SENTINEL) -> list[bytes]:
    """The forms of a secret that stand in some content."""
    content = content.encode() if isinstance(content, str) else content
    return [form for form in forms(text) if form in content]


def leaks(folder: Path) -> dict[str, list[bytes]]:
    """Where the secret stands in any file below a folder: the database, its WAL, the key file, whatever there is."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {"baton.db"} <= {path.name for path in files}, "there is something to look at"
    return {path.name: found for path in files if (found := found_in(path.read_bytes()))}
