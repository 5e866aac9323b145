"""What a window that asks for a PIN can have shown: the very octets that will be signed."""

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from pathlib import Path
from typing import TypeAlias

from agent.errors import BadRequestError

_ID_SIZE = 16  # bytes

OpenView: TypeAlias = Callable[[str], None]
"""Shows the citizen the documents that an id names; at once, in the event loop."""


@dataclass(frozen=True, slots=True)
class ViewedPdf:
    """One document that can be looked at.

    Attributes:
        name: what the page calls it, unchecked; None where it does not say.
        file: a private copy.
        size: in bytes.
        digest: SHA-256 of it.
        pages: how many.
        warnings: why it may look different later, each by its name.
        mark: the page on which the signature is to be seen, from 1; None for none.
        field: the name of the field of the document that it fills; None where it makes a new one.
        remark: what the page puts into it beside the signature, unchecked; None for nothing.
        password: that opens it, for whoever draws it; None where it needs none.

    """

    name: str | None
    file: Path
    size: int
    digest: bytes
    pages: int
    warnings: Sequence[str] = ()
    mark: int | None = None
    field: str | None = None
    remark: str | None = None
    password: str | None = dataclass_field(default=None, repr=False)


class OfferedViews:
    """The documents of the requests that are under way; belongs to one event loop."""

    def __init__(self) -> None:
        """Begin with none."""
        self._offered: dict[str, tuple[ViewedPdf, ...]] = {}

    @contextmanager
    def offered(self, documents: Sequence[ViewedPdf]) -> Iterator[str]:
        """Have documents to look at while the context lasts; gives what names them.

        It is 32 hexadecimal digits that nobody guesses.
        """
        identifier = secrets.token_hex(_ID_SIZE)
        self._offered[identifier] = tuple(documents)
        try:
            yield identifier
        finally:
            del self._offered[identifier]

    def find(self, identifier: str) -> tuple[ViewedPdf, ...]:
        """Return the documents of a request.

        Raises:
            BadRequestError: there is none, or no more.

        """
        found = self._offered.get(identifier)
        if found is None:
            raise BadRequestError("nothing is to be looked at there")
        return found
