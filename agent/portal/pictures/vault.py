"""Keys of cases: what a case holds is sealed under its own key, and gone when that key is.

A case's key is random. It is kept wrapped by a key that the operator's key file yields, so that a
copy of the database opens nothing; and the row that holds it can be deleted, so that copies of
the rest open nothing either.
"""

import os
from dataclasses import dataclass, field
from typing import Final

from agent.portal.store.keyring import Keyring
from agent.portal.store.sealing import KEY_BYTES, seal, unseal

_WRAPPING: Final = "case-key"
_PART: Final = "case-part"


@dataclass(frozen=True, slots=True)
class CaseKey:
    """The key of one case; it seals what the case holds, each part for itself.

    Attributes:
        case: of which case it is, such as its number.

    """

    case: str
    _key: bytes = field(repr=False)

    def seal(self, part: str, data: bytes) -> bytes:
        """Return a part of the case, sealed; ``part`` names it, such as ``front``."""
        return seal(self._key, data, _bound(_PART, self.case, part))

    def unseal(self, part: str, sealed: bytes) -> bytes:
        """Return a part that was sealed.

        Raises:
            UnsealError: it was changed, or is another part, or of another case.

        """
        return unseal(self._key, sealed, _bound(_PART, self.case, part))

    def wrapped(self, keyring: Keyring) -> bytes:
        """Return this key as it may be kept: sealed under the operator's key."""
        return seal(keyring.digest(_WRAPPING), self._key, _bound(_WRAPPING, self.case))


def new_case_key(case: str) -> CaseKey:
    """Return a random key for a case."""
    return CaseKey(case, os.urandom(KEY_BYTES))


def unwrapped_case_key(keyring: Keyring, case: str, wrapped: bytes) -> CaseKey:
    """Return a case's key from what is kept of it.

    Raises:
        UnsealError: it was changed, or is of another case, or of another operator's key.

    """
    return CaseKey(case, unseal(keyring.digest(_WRAPPING), wrapped, _bound(_WRAPPING, case)))


def _bound(*names: str) -> bytes:
    """Return what a sealed text is bound to; names cannot run into one another."""
    encoded = [name.encode() for name in names]
    return b"".join(len(name).to_bytes(4, "big") + name for name in encoded)
