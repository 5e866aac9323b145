"""Documents that were handed over: each for who did, for a while, and never while it is used."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from agent.documents.copies import PrivateCopy, WorkFolder, clear_for_sure
from agent.errors import AgentError, BadRequestError, ErrorCode

_ID_SIZE: Final = 16  # bytes

O = TypeVar("O", bound=Hashable)  # noqa: E741  # the owner of a document


@dataclass(slots=True, eq=False)
class StoredDocument(Generic[O]):
    """A document that was handed over.

    Attributes:
        id: 32 hexadecimal digits that nobody guesses.
        owner: who handed it over.
        copy: of it.
        work: the private folder, with what became of it.
        signed: the copy with a signature; None where it has none yet.
        is_used: whether something is being done with it.

    """

    id: str
    owner: O
    copy: PrivateCopy
    work: WorkFolder = field(repr=False)
    signed: Path | None = field(default=None, kw_only=True)
    is_used: bool = field(default=False, kw_only=True)
    timer: asyncio.TimerHandle | None = field(default=None, repr=False, kw_only=True)


D = TypeVar("D", bound=StoredDocument[Any])


class DocumentStore(Generic[O, D]):
    """All of them; belongs to one event loop."""

    def __init__(self, folder: Path, seconds: float) -> None:
        """Begin empty.

        Args:
            folder: of the private copies, made with the first.
            seconds: after which a document is gone, unless something is being done with it.

        """
        self._folder = folder
        self._seconds = seconds
        self._documents: dict[str, D] = {}
        self._taking: set[O] = set()
        self._removals: set[asyncio.Task[None]] = set()

    def find(self, owner: O, identifier: str) -> D:
        """Return a document of this owner.

        Raises:
            BadRequestError: there is none, or no more.

        """
        found = self._documents.get(identifier)
        if found is None or found.owner != owner:
            raise BadRequestError("nobody who asks has such a document here")
        return found

    def of(self, owner: O) -> list[D]:
        """Return what an owner has, the oldest first."""
        return [each for each in self._documents.values() if each.owner == owner]

    @contextmanager
    def used(self, documents: Sequence[D]) -> Iterator[None]:
        """Keep documents from going, and from being used twice, while the context lasts.

        Raises:
            AgentError: ``busy``.

        """
        if any(each.is_used for each in documents):
            raise AgentError("something is being done with it", code=ErrorCode.BUSY)
        for each in documents:
            each.is_used = True
            each.work.renew()  # else another work would take it for what a killed process left
        try:
            yield
        finally:
            for each in documents:
                each.is_used = False

    async def close(self) -> None:
        """Put everything away."""
        for each in list(self._documents.values()):
            each.is_used = False
            await self._remove(each)
        await asyncio.gather(*self._removals)

    async def _receive(self, owner: O, receive: Callable[[str, WorkFolder], Awaitable[D]]) -> D:
        """Take a document; where that fails, nothing of it is left.

        Args:
            owner: whose it is; has no other one on its way.
            receive: makes it, of what names it and where its files are.

        Raises:
            OSError: it cannot be written; and whatever ``receive`` raises.

        """
        self._taking.add(owner)
        work = WorkFolder(self._folder)
        try:
            await asyncio.to_thread(work.open)
            document = await receive(secrets.token_hex(_ID_SIZE), work)
        except BaseException:
            await clear_for_sure(work)
            raise
        finally:
            self._taking.discard(owner)
        self._documents[document.id] = document
        self._wait(document)
        return document

    def _wait(self, document: D) -> None:
        """Have a document go after its time, which begins now."""
        if document.timer is not None:
            document.timer.cancel()
        loop = asyncio.get_running_loop()
        document.timer = loop.call_later(self._seconds, self._expire, document)

    def _expire(self, document: D) -> None:
        if document.is_used:
            document.work.renew()
            self._wait(document)
        else:
            self._let_go(document)

    async def _remove(self, document: D) -> None:
        """Put a document away, unless something is being done with it."""
        if (removal := self._let_go(document)) is not None:
            await asyncio.shield(removal)

    def _let_go(self, document: D) -> asyncio.Task[None] | None:
        """Forget a document at once; gives what removes its files, None where it stays."""
        if document.is_used or self._documents.pop(document.id, None) is None:
            return None
        if document.timer is not None:
            document.timer.cancel()
        self._has_gone(document)
        removal = asyncio.ensure_future(clear_for_sure(document.work))
        self._removals.add(removal)
        removal.add_done_callback(self._removals.discard)
        return removal

    def _has_gone(self, document: D) -> None:
        """Do what else there is to do about a document that nobody finds any more."""
