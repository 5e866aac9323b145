"""The use cases as the old components have them: with citizen cards, and as if no other existed.

Their pages know two kinds of cards, with RSA-2048 keys under names that no other card has.
"""

import asyncio
from dataclasses import replace
from typing import Final, TypeVar

from agent.cards.card import CITIZEN_CARDS
from agent.errors import AgentError, UnsupportedCardError
from agent.origin import Origin
from agent.secret import SecretBytes
from agent.signing import model
from agent.web.service import Service

R = TypeVar("R", model.SignatureRequest, model.AuthenticationRequest, model.DecryptionRequest)

_OTHER: Final = "the card is no citizen card"


class CitizenCards:
    """A service in which a card of another kind is one that no driver knows."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.subscribe = service.subscribe
        self.is_allowed = service.is_allowed
        self.is_blocked = service.is_blocked

    async def look_at_tokens(self) -> None:
        """Ask nobody: a token is no citizen card."""

    async def connect(self, site: Origin, *, blind: bool = False) -> bool:
        """Ask the citizen to allow a site; return whether it has what ``blind`` asks for."""
        return await self._service.connect(site, blind=blind)

    def snapshot(self) -> model.Snapshot:
        """Return all readers of PC/SC as they are now: no page of theirs knows of modules."""
        found = self._service.snapshot()
        if found.of_pcsc is None and not any(map(_is_other, found.readers)):
            return found  # as it is nearly always: the old component's status is asked all day
        readers = found.readers if found.of_pcsc is None else found.of_pcsc
        return replace(found, readers=tuple(map(_as_known, readers)), of_pcsc=None)

    async def certificates(
        self, site: Origin, reader: str | None = None
    ) -> model.CertificateListing:
        """Read the certificates on one card, or on all.

        Raises:
            UnsupportedCardError: there are cards of other kinds alone.
            AgentError: as the use case.

        """
        views = self._service.snapshot().readers
        if reader is not None or not any(map(_is_other, views)):
            return self._without_others(await self._service.certificates(site, reader))
        await self._service.connect(site)
        names = [
            view.name
            for view in views
            if view.state is model.CardPresence.CARD and not _is_other(view)
        ]
        if not names:
            raise UnsupportedCardError(_OTHER)
        found = await asyncio.gather(*(self._listed(site, name) for name in names))
        certificates = tuple(each for listing in found for each in listing.certificates)
        problems = tuple(each for listing in found for each in listing.problems)
        if not certificates and problems:
            raise problems[0].error
        return self._without_others(model.CertificateListing(certificates, problems))

    async def sign(
        self, site: Origin, request: model.SignatureRequest, entered: SecretBytes | None
    ) -> model.SignatureResult:
        """Sign with a citizen card; errors as of the use case."""
        return await self._service.sign(site, _for_citizen(request), entered)

    async def authenticate(
        self, site: Origin, request: model.AuthenticationRequest, entered: SecretBytes | None
    ) -> model.AuthenticationResult:
        """Prove to a site who holds a citizen card; errors as of the use case."""
        return await self._service.authenticate(site, _for_citizen(request), entered)

    async def decrypt(
        self, site: Origin, request: model.DecryptionRequest, entered: SecretBytes | None
    ) -> bytes:
        """Decrypt with a citizen card; errors as of the use case."""
        return await self._service.decrypt(site, _for_citizen(request), entered)

    async def _listed(self, site: Origin, reader: str) -> model.CertificateListing:
        try:
            return await self._service.certificates(site, reader)
        except AgentError as error:
            return model.CertificateListing((), (model.ReaderProblem(reader, error),))

    def _without_others(self, listing: model.CertificateListing) -> model.CertificateListing:
        """Leave out cards that only turned out to be others when they were read."""
        others = {view.name for view in self._service.snapshot().readers if _is_other(view)}
        kept = tuple(each for each in listing.certificates if each.reader not in others)
        if listing.certificates and not kept:
            raise UnsupportedCardError(_OTHER)
        return replace(listing, certificates=kept)


def _for_citizen(request: R) -> R:
    """Have no other card meant, whatever whoever made the request has thought of."""
    return request if request.citizen_card else replace(request, citizen_card=True)


def _is_other(view: model.ReaderView) -> bool:
    return view.state is model.CardPresence.CARD and view.generation not in (None, *CITIZEN_CARDS)


def _as_known(view: model.ReaderView) -> model.ReaderView:
    if not _is_other(view):
        return view
    return model.ReaderView(view.name, model.CardPresence.UNSUPPORTED, keypad=view.keypad)
