"""Form and pictures of a case, sealed under a key of the case's own.

The key stands in a table of its own, wrapped by the operator's key. Without it, form and pictures
cannot be opened by anybody; so a backup holds either the keys or what they open, never both.
"""

import os

from sqlalchemy import delete, insert, select

from agent.portal.errors import PortalCode, PortalError
from agent.portal.online.tables import CASE_KEY, PICTURE
from agent.portal.store.sealing import KEY_BYTES, UnsealError, seal, unseal
from agent.portal.store.transaction import Transaction


def make_key(tx: Transaction, case: int) -> bytes:
    """Make the key of a new case and keep it, wrapped."""
    key = os.urandom(KEY_BYTES)
    wrapped = seal(_wrapping(tx), key, b"%d" % case)
    tx.execute(insert(CASE_KEY).values(case=case, wrapped=wrapped))
    return key


def key_of(tx: Transaction, case: int) -> bytes:
    """Return the key of an open case.

    Raises:
        PortalError: ``internal``: it is gone, or was written by somebody else.

    """
    wrapped = tx.execute(select(CASE_KEY.c.wrapped).where(CASE_KEY.c.case == case)).scalar()
    try:
        return unseal(_wrapping(tx), wrapped or b"", b"%d" % case)
    except UnsealError as error:
        raise PortalError(PortalCode.INTERNAL, "the key of a case does not open") from error


def put_picture(tx: Transaction, case: int, side: str, jpeg: bytes) -> None:
    """Keep a picture in the place of an earlier one of this side."""
    place = (PICTURE.c.case == case, PICTURE.c.side == side)
    tx.execute(delete(PICTURE).where(*place))
    sealed = seal(key_of(tx, case), jpeg, _place(case, side))
    tx.execute(insert(PICTURE).values(case=case, side=side, sealed=sealed))


def open_picture(tx: Transaction, case: int, side: str) -> bytes | None:
    """Return a picture (JPEG); None where there is none.

    Raises:
        PortalError: ``internal``: it does not open.

    """
    place = (PICTURE.c.case == case, PICTURE.c.side == side)
    sealed = tx.execute(select(PICTURE.c.sealed).where(*place)).scalar()
    return None if sealed is None else _opened(tx, case, sealed, side)


def sides_of(tx: Transaction, case: int) -> frozenset[str]:
    """Return of which sides there are pictures."""
    found = tx.execute(select(PICTURE.c.side).where(PICTURE.c.case == case)).scalars()
    return frozenset(found)


def seal_form(tx: Transaction, case: int, form: bytes) -> bytes:
    """Return a form sealed for its case."""
    return seal(key_of(tx, case), form, _place(case, "form"))


def open_form(tx: Transaction, case: int, sealed: bytes) -> bytes:
    """Return what :func:`seal_form` sealed.

    Raises:
        PortalError: ``internal``: it does not open.

    """
    return _opened(tx, case, sealed, "form")


def destroy(tx: Transaction, case: int) -> None:
    """Delete pictures and key, in the transaction of the decision."""
    tx.execute(delete(PICTURE).where(PICTURE.c.case == case))
    tx.execute(delete(CASE_KEY).where(CASE_KEY.c.case == case))


def _opened(tx: Transaction, case: int, sealed: bytes, what: str) -> bytes:
    try:
        return unseal(key_of(tx, case), bytes(sealed), _place(case, what))
    except UnsealError as error:
        raise PortalError(PortalCode.INTERNAL, f"{what} of a case does not open") from error


def _wrapping(tx: Transaction) -> bytes:
    return tx.keyring.digest("case-key-wrap")


def _place(case: int, what: str) -> bytes:
    return b"%d:%s" % (case, what.encode())
