"""Waiting for the citizen only as long as the cards that they are asked about stay."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final, TypeVar

from agent.consent.questions import CARD_PULLED
from agent.errors import CardRemovedError
from agent.signing.model import CardPresence, Event
from agent.signing.readers import Readers

A = TypeVar("A")
_PULLED: Final = frozenset({"card_removed", "reader_removed"})
"""The events of a card that goes: a token takes the slot of its module along."""


async def while_cards_stay(
    readers: Readers, names: Iterable[str], ask: Callable[[], Coroutine[Any, Any, A]]
) -> A:
    """Return what ``ask`` returns, and cancel it when one of the cards is pulled.

    Args:
        readers: where the cards are.
        names: of the readers whose cards have to stay.
        ask: asks the citizen.

    Raises:
        CardRemovedError: a card was pulled, before or meanwhile.
        AgentError: whatever ``ask`` raises.

    """
    watched = frozenset(names)
    async with readers.subscribe() as events:
        if not _have_cards(readers, watched):
            raise CardRemovedError("pulled before the citizen was asked")
        asking = asyncio.ensure_future(ask())
        watching = asyncio.ensure_future(_until_pulled(readers, watched, events))
        reason = None
        try:
            await asyncio.wait((asking, watching), return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                reason = CARD_PULLED
                raise CardRemovedError("pulled while the citizen was asked")
            return asking.result()
        finally:
            asking.cancel(reason)
            watching.cancel()
            await asyncio.gather(asking, watching, return_exceptions=True)


async def _until_pulled(
    readers: Readers, names: frozenset[str], events: asyncio.Queue[Event]
) -> None:
    while _have_cards(readers, names):
        change = await events.get()
        # By the event, not only by the state: another card may be in the reader already.
        if change.name in _PULLED and change.reader and change.reader.name in names:
            return


def _have_cards(readers: Readers, names: frozenset[str]) -> bool:
    views = readers.snapshot().readers
    return names <= {view.name for view in views if view.state is CardPresence.CARD}
