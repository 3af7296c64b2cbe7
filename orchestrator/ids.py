"""Ids that callers choose: each tenant has all of them to itself. Pure.

Inside, an id is one for all tenants: checkpoints, live streams and idempotency keys go by it. So what a tenant besides
the default one calls `order-17` is kept as `order-17~MARK`, whether anybody else has an `order-17` or not: nothing that
anybody is answered depends on what others have. Which of the two a name stands for is settled in one place
(`store.own_id`), at the door; what goes out has no mark (`shown_id`).
"""

import hashlib
import re
from typing import Final

_MARK: Final = re.compile(r"~[0-9a-f]{20}(?![0-9a-f])")
_MARKED: Final = re.compile(r"(?s).*~[0-9a-f]{20}")


def marked_id(given: str, tenant: str) -> str:
    """The id as it is kept for a tenant that chose it; of an id that is kept so already, the same."""
    # A digest: tenants of an OIDC provider may be called anything, and ids stand in headers.
    mark = f"~{hashlib.sha256(tenant.encode()).hexdigest()[:20]}"
    return given if given.endswith(mark) else given + mark


def is_anothers(given: str, tenant: str) -> bool:
    """Whether it looks like what is kept for another tenant: no caller may choose such a one."""
    return _MARKED.fullmatch(given) is not None and given != marked_id(given, tenant)


def shown_id(kept: str) -> str:
    """The id as its tenant knows it."""
    return kept[:-21] if _MARKED.fullmatch(kept) else kept


def shown_text(text: str) -> str:
    """A sentence with ids in it, as it may be read."""
    return _MARK.sub("", text)
