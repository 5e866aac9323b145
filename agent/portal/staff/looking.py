"""How often a member of staff may look members up: nobody works through a list of contacts."""

from typing import Final

from agent.portal.errors import PortalCode, PortalError
from agent.portal.staff.register import StaffMember
from agent.portal.store.rates import take
from agent.portal.store.transaction import Transaction
from agent.rate import Rate

LOOKS: Final = Rate(burst=30, per_second=1 / 20)
"""More than a counter serves people."""


def check_look(tx: Transaction, staff: StaffMember) -> None:
    """Count one look.

    Raises:
        PortalError: ``rate_limited``.

    """
    if not take(tx, "staff-looks", (staff.id,), LOOKS):
        raise PortalError(PortalCode.RATE_LIMITED, "looks")
