"""How big anything in an expression may be. Past a limit comes a named error, never a hang or a full memory."""

from typing import Final

MAX_SOURCE: Final = 2_000
"""Characters of one expression. Checked before anything else looks at the text."""

MAX_DEPTH: Final = 40
"""How deep parts may stand within one another; keeps Jinja2's recursive parser and our walks off the stack's end."""

MAX_NODES: Final = 500
"""Parts of one expression."""

MAX_STEPS: Final = 20_000
"""Work of one evaluation: items looked at by filters, and text made (one step per `TEXT_PER_STEP` characters).

The parts themselves are not counted while they run: there is no loop in the language, so each of at most
`MAX_NODES` parts runs at most once.
"""

TEXT_PER_STEP: Final = 1_024
"""Characters of text that cost one step: all text made by one evaluation stays under about 20 MB."""

MAX_TEXT: Final = 1_048_576
"""Characters of a text that an expression or a template makes (1 MB of ASCII)."""

MAX_ITEMS: Final = 10_000
"""Items of a list that a filter or an operator makes."""

MAX_DATA_DEPTH: Final = 100
"""How deep data and templates may be nested where we have to walk through all of it."""

INTEGER_BOUND: Final = 2**127
"""Integers are those of 128 bits: from -INTEGER_BOUND to INTEGER_BOUND - 1."""

PASSWORD_HASH_STEPS: Final = 5_000
"""One password hash takes a quarter of a second on purpose, so one evaluation affords four of them."""
