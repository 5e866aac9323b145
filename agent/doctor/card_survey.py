"""Survey the readers and the certificates of the cards in them; no PIN is used."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from agent.consent.consent import AlwaysAllow
from agent.errors import AgentError, ErrorCode
from agent.origin import LOCAL_USER
from agent.pki.certificate import CertificateFacts
from agent.signing.model import CardPresence, ReaderView, Snapshot
from agent.signing.service import SigningService
from agent.transport.base import CardProvider

PROBING_SECONDS: Final = 5.0
"""How long to wait for a card that its answer to reset does not identify."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CardSurvey:
    """The readers and cards of a computer.

    Attributes:
        virtual: whether the readers are virtual.
        snapshot: the readers, after their cards were read.
        certificates: the cards' signing certificates, by the reader's name.
        problems: the reasons why cards could not be read, by the reader's name.

    """

    virtual: bool
    snapshot: Snapshot
    certificates: Mapping[str, CertificateFacts] = field(default_factory=dict)
    problems: Mapping[str, ErrorCode] = field(default_factory=dict)


async def survey_readers(open_provider: Callable[[], CardProvider]) -> CardSurvey:
    """Survey the readers without a running agent.

    Raises:
        AgentError: they cannot be opened, because there is no PC/SC library, say.

    """
    service = SigningService(open_provider(), AlwaysAllow())
    await service.start()
    try:
        return await survey(service)
    finally:
        await service.close()


async def survey(service: SigningService) -> CardSurvey:
    """Survey the readers of a service that runs already, and read the cards' certificates."""
    await service.look_at_tokens()
    await _wait_until_probed(service)
    certificates: dict[str, CertificateFacts] = {}
    problems: dict[str, ErrorCode] = {}
    for reader in service.snapshot().readers:
        if reader.state is CardPresence.CARD:
            found = await _signing_certificate(service, reader.name)
            if isinstance(found, CertificateFacts):
                certificates[reader.name] = found
            else:
                problems[reader.name] = found
    return CardSurvey(
        virtual=service.provider_kind == "virtual",
        # Reading may have shown that a card is not supported, and how many PIN attempts are left.
        snapshot=service.snapshot(),
        certificates=certificates,
        problems=problems,
    )


async def _wait_until_probed(service: SigningService) -> None:
    async with service.subscribe() as changes:
        try:
            async with asyncio.timeout(PROBING_SECONDS):
                while any(map(_is_being_probed, service.snapshot().readers)):
                    await changes.get()
        except TimeoutError:
            return


def _is_being_probed(reader: ReaderView) -> bool:
    return reader.state is CardPresence.CARD and reader.generation is None


async def _signing_certificate(
    service: SigningService, reader: str
) -> CertificateFacts | ErrorCode:
    try:
        listing = await service.certificates(LOCAL_USER, reader)
    except AgentError as error:
        return error.code
    signing = (each.facts for each in listing.certificates if each.signs)
    return next(signing, ErrorCode.KEY_NOT_FOUND)
