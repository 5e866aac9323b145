"""A signature goes straight down: no callback climbs from the card's driver back to its user."""

import inspect
import threading
from collections.abc import Callable
from typing import Any

import pytest

from agent.cards.citizen.card import CitizenCard
from agent.cms.document import Document
from agent.consent.consent import AlwaysAllow
from agent.origin import LOCAL_USER
from agent.secret import SecretBytes
from agent.signing.model import SignRequest
from agent.signing.service import SigningService
from agent.signing.sign_task import SignTask
from agent.transport.chaining import Link
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.provider import READER_NAME, VirtualProvider

AT_PREPARE = 6
AT_VERIFY = 13


def rooms() -> list[str]:
    """Name the modules of the agent on this thread's stack, the outermost first."""
    frames = inspect.stack(context=0)[2:]
    names = [frame.frame.f_globals["__name__"] for frame in reversed(frames)]
    return [name for name in names if name.startswith("agent.")]


@pytest.fixture
def stacks(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Note the stack when the digest is prepared, and when the VERIFY goes to the connection."""
    found: dict[str, list[str]] = {}

    def noted(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            assert threading.current_thread().name.startswith("reader")
            found[name] = [*rooms(), method.__module__]
            return method(*arguments)

        return call

    monkeypatch.setattr(SignTask, "prepare", noted("prepare", SignTask.prepare))
    monkeypatch.setattr(Link, "send_secret", noted("verify", Link.send_secret))
    return found


async def test_few_frames_and_no_way_back(
    make_card: Callable[..., VirtualCard], generation: str, stacks: dict[str, list[str]]
) -> None:
    provider = VirtualProvider()
    provider.insert(READER_NAME.format(0), make_card(generation))
    service = SigningService(provider, AlwaysAllow())
    await service.start()
    try:
        request = SignRequest((Document(data=b"hello"),))
        await service.sign(LOCAL_USER, request, SecretBytes.from_text("123456"))
    finally:
        await service.close()
    assert len(stacks["prepare"]) <= AT_PREPARE
    assert len(stacks["verify"]) + 1 <= AT_VERIFY  # and the connection's own
    for stack in stacks.values():
        drivers = [name.startswith("agent.cards") for name in stack]
        below = stack[drivers.index(True) :] if True in drivers else []
        assert not any(name.startswith("agent.signing") for name in below)


def test_a_document_is_hashed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from agent.cms.digest import HashAlgorithm

    hashed: list[bytes] = []
    digest = HashAlgorithm.digest

    def counted(self: HashAlgorithm, data: bytes) -> bytes:
        hashed.append(data)
        return digest(self, data)

    monkeypatch.setattr(HashAlgorithm, "digest", counted)
    document = Document(data=b"hello")
    assert document.message_digest(HashAlgorithm.SHA256) == document.message_digest(
        HashAlgorithm.SHA256
    )
    assert hashed == [b"hello"]


def test_every_generation_is_straight() -> None:
    """A driver that takes a callback for its key would climb back."""
    for verb in (CitizenCard.sign, CitizenCard.decrypt, CitizenCard.certificate):
        hints = inspect.get_annotations(verb, eval_str=True)
        assert not any("Callable" in str(hint) for hint in hints.values())
