"""The road of one signature, measured while a virtual card makes it."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any
from unittest.mock import patch

from agent.cms.digest import HashAlgorithm
from agent.cms.document import Document
from agent.consent.consent import AlwaysAllow
from agent.origin import Origin
from agent.secret import SecretBytes
from agent.signing.model import SignRequest
from agent.signing.service import SigningService
from agent.signing.sign_task import SignTask
from agent.transport.chaining import Link
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.identity import generate_id_number
from agent.virtualcard.issuer import TestIssuer
from agent.virtualcard.model import Generation
from agent.virtualcard.personalise import Order, personalise
from agent.virtualcard.provider import READER_NAME, VirtualProvider

SITE = Origin.parse("https://portal.example")
CONTENT = b"what is signed when the road is measured"
PIN = "123456"


def figures() -> dict[str, float]:
    """Sign with a card of each generation; the longer road counts."""
    roads = [asyncio.run(_measure(generation)) for generation in Generation]
    return {name: max(road[name] for road in roads) for name in roads[0]}


async def _measure(generation: Generation) -> dict[str, float]:
    order = Order(generation, "王測試", generate_id_number(0), PIN.encode())
    provider = VirtualProvider()
    issuer = TestIssuer.create(key_size=2048)
    provider.insert(READER_NAME.format(0), VirtualCard(personalise(order, issuer)))
    service = SigningService(provider, AlwaysAllow())
    await service.start()
    try:
        with _noted() as notes:
            request = SignRequest((Document(data=CONTENT),))
            await service.sign(SITE, request, SecretBytes.from_text(PIN))
    finally:
        await service.close()
    return {
        "frames when the digest is prepared": notes.frames["prepare"],
        "frames at VERIFY": notes.frames["send_secret"] + 1,  # the connection's own
        "climbs from a driver back to its user": notes.climbs,
        "times that the service asks whether the site is allowed": notes.asked,
        "times that the document is hashed": notes.hashed,
    }


@dataclass
class _Notes:
    """What was seen on the way.

    Attributes:
        frames: of the agent on the reader's thread, when a method of that name begins.
        climbs: frames of the use case that a driver's frame stands outside of.
        asked: how often.
        hashed: likewise.

    """

    frames: dict[str, int] = field(default_factory=dict)
    climbs: int = 0
    asked: int = 0
    hashed: int = 0

    def look(self, name: str) -> None:
        """Look at the stack of this thread, at the beginning of a method."""
        modules = [each for each in _modules(sys._getframe()) if each.startswith("agent.")]
        self.frames[name] = len(modules) + 1
        in_driver = False
        for module in reversed(modules):
            in_driver = in_driver or module.startswith("agent.cards.")
            self.climbs += in_driver and module.startswith("agent.signing.")

    def ask(self) -> None:
        """Count a question whether the site is allowed."""
        self.asked += 1

    def digest(self, data: bytes) -> None:
        """Count a hashing, if it is the document that is hashed."""
        self.hashed += data == CONTENT


@contextmanager
def _noted() -> Iterator[_Notes]:
    notes = _Notes()
    with (
        _before(SignTask, "prepare", lambda *_: notes.look("prepare")),
        _before(Link, "send_secret", lambda *_: notes.look("send_secret")),
        _before(AlwaysAllow, "is_allowed", lambda *_: notes.ask()),
        _before(HashAlgorithm, "digest", lambda _, data: notes.digest(data)),
    ):
        yield notes


@contextmanager
def _before(owner: type, name: str, note: Callable[..., None]) -> Iterator[None]:
    method = getattr(owner, name)

    def call(*arguments: Any) -> Any:
        note(*arguments)
        return method(*arguments)

    with patch.object(owner, name, call):
        yield


def _modules(frame: FrameType | None) -> Iterator[str]:
    """Yield the modules of the frames, the innermost first."""
    while frame is not None:
        yield str(frame.f_globals["__name__"])
        frame = frame.f_back
