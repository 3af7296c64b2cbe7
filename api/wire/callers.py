"""What the routes of this wire format need, and whoever asks as the desk knows them."""

from api.security import Principal, Right, needs
from orchestrator.approvals.values import Person
from orchestrator.serving.served import Caller

READS = [needs(Right.READ)]
RUNS = [needs(Right.RUN)]
REDRIVES = [needs(Right.REDRIVE)]
EDITS = [needs(Right.EDIT)]


def caller_of(who: Principal) -> Caller:
    """Whoever asks. To answer an approval through a run takes the right to decide as well as the right
    to run; to go back in an execution, the right to redrive."""
    return Caller(
        person=Person(who.name, who.groups),
        tenant=who.tenant,
        decides=Right.DECIDE in who.rights,
        redrives=Right.REDRIVE in who.rights,
    )
