"""What a fetcher of revocation lists is asked, and what it answers."""

from dataclasses import dataclass
from typing import Final, Protocol

TIMEOUT: Final = 20.0
"""Seconds for one list, from the first byte sent to the last one received."""


class ListFetchError(Exception):
    """A list was not fetched; the text is for the operator."""


@dataclass(frozen=True, slots=True)
class ListVersion:
    """How a server names one version of a list (RFC 9110 §8.8); empty where it does not.

    Attributes:
        etag: its entity tag, quotes included.
        last_modified: the date of its last change, as the server wrote it.

    """

    etag: str = ""
    last_modified: str = ""

    def __bool__(self) -> bool:
        """Return whether it has a name at all."""
        return bool(self.etag or self.last_modified)


@dataclass(frozen=True, slots=True)
class FetchedList:
    """What a server answered.

    Attributes:
        body: the list, DER; None where the version that we have is still the newest.
        version: of the body.

    """

    body: bytes | None
    version: ListVersion = ListVersion()


class Fetch(Protocol):
    """A function that asks one address, such as :func:`agent.relying.list_http.fetch_list`."""

    async def __call__(self, url: str, known: ListVersion, /) -> FetchedList:
        """Fetch a list; whoever calls limits the time, and judges what comes.

        Args:
            url: http or https, as configured.
            known: the version that is there; a falsy one asks for the list in any case.

        Raises:
            ListFetchError: there is no answer that is one.

        """
