"""Who may ask: the keys of the configured clients, compared in constant time."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from agent.validator.codes import ServiceCode, ServiceRefusalError
from agent.validator.config import LOCAL_CLIENT, ConfigTable

_SCHEME: Final = "bearer"
_MAX_KEY: Final = 256  # characters


@dataclass(frozen=True, slots=True)
class ServiceClient:
    """One server that may ask.

    Attributes:
        name: for log lines.
        origins: what browsers call its site.
        key_hashes: SHA-256 of each of its keys; none where whoever reaches the socket may ask.

    """

    name: str
    origins: tuple[str, ...]
    key_hashes: tuple[bytes, ...] = ()


class ServiceClients:
    """All who may ask."""

    def __init__(self, clients: Sequence[ServiceClient]) -> None:
        """Take the clients; one without keys stands alone."""
        self.all = tuple(clients)

    @classmethod
    def of(cls, table: ConfigTable) -> "ServiceClients":
        """Return those of a configuration."""
        if not table.client:
            return cls([ServiceClient(LOCAL_CLIENT, tuple(table.origins))])
        return cls(
            [
                ServiceClient(each.name, tuple(each.origins), each.key_hashes)
                for each in table.client
            ]
        )

    def find(self, authorization: Sequence[str]) -> ServiceClient:
        """Return who asks.

        Every key is compared, whichever fits, so that the time tells nothing about them.

        Args:
            authorization: the values of all headers of that name.

        Raises:
            ServiceRefusalError: ``key_refused``.

        """
        if not self.all[0].key_hashes:
            return self.all[0]
        given = hashlib.sha256(_key_of(authorization)).digest()
        found: ServiceClient | None = None
        for client in self.all:
            for expected in client.key_hashes:
                if hmac.compare_digest(given, expected):
                    found = client
        if found is None:
            raise ServiceRefusalError(ServiceCode.KEY_REFUSED)
        return found


def _key_of(authorization: Sequence[str]) -> bytes:
    """Return the key of ``Authorization: Bearer KEY`` (RFC 6750 §2.1)."""
    if len(authorization) != 1:
        raise ServiceRefusalError(ServiceCode.KEY_REFUSED)
    scheme, _, key = authorization[0].partition(" ")
    if scheme.lower() != _SCHEME or not key or len(key) > _MAX_KEY:
        raise ServiceRefusalError(ServiceCode.KEY_REFUSED)
    return key.encode(errors="surrogateescape")
