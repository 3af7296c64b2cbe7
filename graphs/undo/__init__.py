"""What is to be undone when an execution has ended badly, and in which order. Pure.

Whatever was done counts, however deep inside composite steps, in the reverse of the order in which it was committed:
steps that say how they are undone (`compensate`), and the effects that steps wrote down while they were at work. The
frames of composite steps are rebuilt from what these found out when they opened, so that an undoing step sees what
the step it undoes saw.
"""

from graphs.state import COMPENSATION
from graphs.undo.compensations import Compensation, compensations, with_companions
from graphs.undo.line import Undoing
from graphs.undo.parts import may_go_on, parts_that_failed, went_wrong
from graphs.undo.places import prefixes
from graphs.undo.undoable import undoable

__all__ = [
    "COMPENSATION",
    "Compensation",
    "Undoing",
    "compensations",
    "may_go_on",
    "parts_that_failed",
    "prefixes",
    "undoable",
    "went_wrong",
    "with_companions",
]
