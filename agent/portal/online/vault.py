"""Form and pictures of a case, sealed under a key of the case's own, in the database.

The key stands in a table of its own, wrapped by the operator's key. Without it, form and pictures
cannot be opened by anybody; so a backup holds either the keys or what they open, never both.
"""

from sqlalchemy import delete, insert, select

from agent.portal.errors import PortalCode, PortalError
from agent.portal.online.tables import CASE_KEY, PICTURE
from agent.portal.pictures.vault import CaseKey, new_case_key, unwrapped_case_key
from agent.portal.store.sealing import UnsealError
from agent.portal.store.transaction import Transaction

_FORM = "form"


def make_key(tx: Transaction, case: int) -> None:
    """Make the key of a new case and keep it, wrapped."""
    wrapped = new_case_key(str(case)).wrapped(tx.keyring)
    tx.execute(insert(CASE_KEY).values(case=case, wrapped=wrapped))


def put_picture(tx: Transaction, case: int, side: str, jpeg: bytes) -> None:
    """Keep a picture in the place of an earlier one of this side."""
    tx.execute(delete(PICTURE).where(PICTURE.c.case == case, PICTURE.c.side == side))
    sealed = _key_of(tx, case).seal(side, jpeg)
    tx.execute(insert(PICTURE).values(case=case, side=side, sealed=sealed))


def open_picture(tx: Transaction, case: int, side: str) -> bytes | None:
    """Return a picture (JPEG); None where there is none.

    Raises:
        PortalError: ``internal``: it does not open.

    """
    place = (PICTURE.c.case == case, PICTURE.c.side == side)
    sealed = tx.execute(select(PICTURE.c.sealed).where(*place)).scalar()
    return None if sealed is None else _opened(tx, case, side, sealed)


def sides_of(tx: Transaction, case: int) -> frozenset[str]:
    """Return of which sides there are pictures."""
    return frozenset(tx.execute(select(PICTURE.c.side).where(PICTURE.c.case == case)).scalars())


def seal_form(tx: Transaction, case: int, form: bytes) -> bytes:
    """Return a form sealed for its case."""
    return _key_of(tx, case).seal(_FORM, form)


def open_form(tx: Transaction, case: int, sealed: bytes) -> bytes:
    """Return what :func:`seal_form` sealed.

    Raises:
        PortalError: ``internal``: it does not open.

    """
    return _opened(tx, case, _FORM, sealed)


def destroy(tx: Transaction, case: int) -> None:
    """Delete pictures and key, in the transaction of the decision; the journal has them no more."""
    tx.leave_no_trace()
    tx.execute(delete(PICTURE).where(PICTURE.c.case == case))
    tx.execute(delete(CASE_KEY).where(CASE_KEY.c.case == case))


def _key_of(tx: Transaction, case: int) -> CaseKey:
    """Return the key of an open case.

    Raises:
        PortalError: ``internal``: it is gone, or was written by somebody else.

    """
    wrapped = tx.execute(select(CASE_KEY.c.wrapped).where(CASE_KEY.c.case == case)).scalar()
    try:
        return unwrapped_case_key(tx.keyring, str(case), bytes(wrapped or b""))
    except UnsealError as error:
        raise PortalError(PortalCode.INTERNAL, "the key of a case does not open") from error


def _opened(tx: Transaction, case: int, part: str, sealed: bytes) -> bytes:
    try:
        return _key_of(tx, case).unseal(part, bytes(sealed))
    except UnsealError as error:
        raise PortalError(PortalCode.INTERNAL, f"{part} of a case does not open") from error
