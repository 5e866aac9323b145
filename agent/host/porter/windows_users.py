"""Which person of this Windows a connection or an agent belongs to, where it is a person's."""

import struct
from typing import Final

from agent.host.peer.windows import WindowsApi, WindowsPeers
from agent.host.porter.users import Address, UnknownUserError

_HEAD: Final = struct.Struct(">BB6s")  # SID: revision, how many parts, authority; winnt.h
_PART: Final = struct.Struct("<I")
# Accounts of a computer or a domain, S-1-5-21-…; and of Entra ID, S-1-12-1-…
_PEOPLE: Final = frozenset({(5, 21), (12, 1)})


class WindowsUsers:
    """Tells people from the system, its services, and whatever else has a SID."""

    def __init__(self, system: WindowsApi) -> None:
        """Ask Windows, or a stand-in for it."""
        self._peers = WindowsPeers(system)

    def person(self, user: bytes) -> bytes:
        """Return a user who may have an agent.

        Args:
            user: SID.

        Raises:
            UnknownUserError: it is none.

        """
        if len(user) >= _HEAD.size + _PART.size:
            _, _, authority = _HEAD.unpack_from(user)
            (first,) = _PART.unpack_from(user, _HEAD.size)
            if (int.from_bytes(authority, "big"), first) in _PEOPLE:
                return user
        raise UnknownUserError("no person has such a SID")

    def whose(self, peer: Address, local: Address) -> bytes | None:
        """Return whose the other end of a connection is; None where it is gone.

        Raises:
            UnknownUserError: no person's, or Windows does not tell.

        """
        try:
            owner = self._peers.owner(peer, local)
        except (OSError, ValueError, struct.error) as error:
            raise UnknownUserError(str(error)) from error
        return None if owner is None else self.person(owner)
