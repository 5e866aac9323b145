"""A signature goes straight down: no callback climbs from the card's driver back to its user."""

import inspect
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from types import FrameType
from typing import Any

import pytest

from agent.cms.document import Document
from agent.consent.consent import AlwaysAllow
from agent.errors import CryptogramError
from agent.origin import LOCAL_USER, Origin
from agent.secret import SecretBytes
from agent.signing.card_certificates import any_expired
from agent.signing.model import (
    AuthenticationRequest,
    DecryptFormat,
    DecryptionRequest,
    SignatureRequest,
)
from agent.signing.service import SigningService
from agent.signing.sign_task import SignTask
from agent.transport.chaining import ApduChannel
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
    monkeypatch.setattr(ApduChannel, "send_secret", noted("verify", ApduChannel.send_secret))
    return found


async def test_few_frames_and_no_way_back(
    make_card: Callable[..., VirtualCard], generation: str, stacks: dict[str, list[str]]
) -> None:
    provider = VirtualProvider()
    provider.insert(READER_NAME.format(0), make_card(generation))
    service = SigningService(provider, AlwaysAllow())
    await service.start()
    try:
        request = SignatureRequest((Document(data=b"hello"),))
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


VERBS = {
    "certificates": lambda service: service.certificates(LOCAL_USER),
    "sign": lambda service: service.sign(
        LOCAL_USER, SignatureRequest((Document(data=b"hello"),)), SecretBytes.from_text("123456")
    ),
    "authenticate": lambda service: service.authenticate(
        Origin.parse("https://portal.example"),
        AuthenticationRequest(bytes(32)),
        SecretBytes.from_text("123456"),
    ),
    "decrypt": lambda service: service.decrypt(
        LOCAL_USER,
        DecryptionRequest(bytes(255) + b"\1", DecryptFormat.PKCS1),
        SecretBytes.from_text("123456"),
    ),
}


@pytest.fixture
def climbs() -> Iterator[list[str]]:
    """Collect the functions of the use cases that a driver of a card calls, however deep."""
    found: list[str] = []

    def called(frame: FrameType, event: str, _: object) -> None:
        if event != "call" or not frame.f_globals["__name__"].startswith("agent.signing."):
            return
        outer = frame.f_back
        while outer is not None:
            if outer.f_globals["__name__"].startswith("agent.cards."):
                found.append(frame.f_code.co_qualname)
                return
            outer = outer.f_back

    threading.setprofile(called)  # in every thread that is started from here on
    yield found
    threading.setprofile(None)


async def ask(card: VirtualCard, verb: str) -> None:
    """Ask a new service for something; its threads are new too."""
    provider = VirtualProvider()
    provider.insert(READER_NAME.format(0), card)
    service = SigningService(provider, AlwaysAllow())
    await service.start()
    try:
        # The cryptogram has no padding: the card is asked, and what it says is refused.
        with suppress(CryptogramError):
            await VERBS[verb](service)
    finally:
        await service.close()


@pytest.mark.parametrize("verb", VERBS)
async def test_no_driver_calls_the_use_cases(
    make_card: Callable[..., VirtualCard], generation: str, verb: str, climbs: list[str]
) -> None:
    card = make_card(generation)
    await ask(card, verb)
    assert card.trace.commands > 10  # the verb reached the card
    assert climbs == []


async def test_a_driver_that_climbs_is_found(
    make_card: Callable[..., VirtualCard],
    generation: str,
    climbs: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The way that a driver had before: it called a function of its user's with the card."""
    from agent.cards.citizen.card import CitizenCard

    source = "def certificates(self): return any_expired(read(self), now)"
    names: dict[str, Any] = {"__name__": "agent.cards.citizen.card", "any_expired": any_expired}
    names |= {"read": CitizenCard.certificates, "now": datetime.now(UTC)}
    exec(source, names)  # noqa: S102  # a function of that module, as the profile sees it
    monkeypatch.setattr(CitizenCard, "certificates", names["certificates"])
    with suppress(TypeError):  # it is not what the user waits for
        await ask(make_card(generation), "certificates")
    assert climbs[0] == "any_expired"
