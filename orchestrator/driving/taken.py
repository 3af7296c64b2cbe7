"""What a drive is given."""

from dataclasses import dataclass

from graphs.spec import Workflow
from orchestrator.driving.seats import Seat
from orchestrator.driving.works import Works
from orchestrator.sealing import Sealer
from orchestrator.store.port import Execution


@dataclass(frozen=True, slots=True)
class Taken:
    """An execution that was taken up, and what it is carried out with.

    Attributes:
        new: Nothing of it was ever done, so there is nothing to read back.
    """

    works: Works
    execution: Execution
    workflow: Workflow
    sealer: Sealer
    seat: Seat
    new: bool
