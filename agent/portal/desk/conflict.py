"""Conflict of interest: nobody reviews their own application.

The register knows staff by their card and name, not by their ID number. So an application counts as
the reviewer's own if it was made by the member whose card logs in at the staff's door, if it
carries the ID number of that member, or if it bears the reviewer's name: a namesake's application
is as well looked at by a colleague.
"""

import unicodedata

from agent.portal.members import member_of_card, member_of_id_number
from agent.portal.staff.register import StaffMember
from agent.portal.store.transaction import Transaction


def is_own(tx: Transaction, staff: StaffMember, *, member: str, id_number: str, name: str) -> bool:
    """Return whether an application is, or may be, the reviewer's own.

    Args:
        tx: a transaction.
        staff: the reviewer.
        member: who applied.
        id_number: as in the application, in normal form.
        name: as in the application.

    """
    theirs = member_of_card(tx, staff.card_key)
    if theirs is not None and theirs in {member, member_of_id_number(tx, id_number)}:
        return True
    return _plain(name) == _plain(staff.name)


def _plain(name: str) -> str:
    """Return a name without its spaces, its width and its case."""
    return "".join(unicodedata.normalize("NFKC", name).split()).casefold()
