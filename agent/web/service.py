"""The use cases as web pages may have them; ``signing.service`` carries them out."""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from agent.origin import Origin
from agent.secret import SecretBytes
from agent.signing import model


class Service(Protocol):
    """What does the work."""

    def snapshot(self) -> model.Snapshot:
        """Return all readers as they are now."""

    async def look_at_tokens(self) -> None:
        """See which tokens there are, beside the readers, which are watched."""

    def subscribe(self) -> AbstractAsyncContextManager[asyncio.Queue[model.Event]]:
        """Return a queue of changes."""

    def is_allowed(self, site: Origin) -> bool:
        """Return whether a site may ask for more than the status."""

    def is_blocked(self, site: Origin) -> bool:
        """Return whether a site was refused for good."""

    async def connect(self, site: Origin, *, blind: bool = False) -> bool:
        """Ask the citizen to allow a site; return whether it has what ``blind`` asks for."""

    async def certificates(
        self, site: Origin, reader: str | None = None
    ) -> model.CertificateListing:
        """Read the certificates on one card, or on all."""

    async def sign(
        self, site: Origin, request: model.SignatureRequest, pin: SecretBytes | None
    ) -> model.SignatureResult:
        """Sign with a card."""

    async def authenticate(
        self, site: Origin, request: model.AuthenticationRequest, pin: SecretBytes | None
    ) -> model.AuthenticationResult:
        """Prove to a site who holds the card."""

    async def decrypt(
        self, site: Origin, request: model.DecryptionRequest, pin: SecretBytes | None
    ) -> bytes:
        """Decrypt with a card."""
