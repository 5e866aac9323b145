"""Odd cards and readers for tests: answers that are changed on their way, and other files."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from agent.cms.document import Document
from agent.cms.verify import verify
from agent.consent.consent import AlwaysAllow
from agent.errors import AgentError, ErrorCode
from agent.iso7816.tlv import encode
from agent.origin import Origin
from agent.secret import SecretBytes
from agent.signing.model import CardCertificate, SignatureRequest, SignatureResult
from agent.signing.service import SigningService
from agent.virtualcard import directory
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.model import ID_SIGN, CardData, VirtualCertificate
from agent.virtualcard.provider import READER_NAME, VirtualProvider

Rewrite = Callable[[bytes, bytes], bytes]
"""Takes a command and the card's answer to it, status word included; returns what arrives."""

SITE = Origin.parse("https://portal.example")
READER = READER_NAME.format(0)
PIN = "123456"
SIGN_HELLO = SignatureRequest((Document(data=b"hello"),))
READ_BINARY, VERIFY, SELECT = 0xB0, 0x20, 0xA4
GET_RESULT = 0xC1
ROOTS = {"gen1": b"\x3f\x00", "gen2": b"\x7f\xff"}
CDF, PRKDF, SERIAL = "5030/4104", "5030/4100", "0900/0903"


def as_it_is(command: bytes, answer: bytes) -> bytes:
    """Let everything through."""
    del command
    return answer


class OddCard(VirtualCard):
    """A card whose answers are changed on their way.

    Attributes:
        rewrite: what changes them; may be exchanged at any time.
        commands: the commands and what was answered, in order, without the bodies of VERIFY.

    """

    def __init__(self, data: CardData, rewrite: Rewrite = as_it_is) -> None:
        super().__init__(data)
        self.rewrite = rewrite
        self.commands: list[tuple[bytes, bytes]] = []

    def process(self, command: bytes) -> bytes:
        """Answer one command."""
        answer = self.rewrite(command, super().process(command))
        self.commands.append((command[:4] if command[1] == VERIFY else command, answer))
        return answer

    @property
    def verifies(self) -> int:
        """How many VERIFY have arrived."""
        return sum(command[1] == VERIFY for command, _ in self.commands)

    @property
    def serial(self) -> str:
        """The number on it."""
        return self.data.serial


def le_of(command: bytes) -> int:
    """Return how many bytes a READ BINARY asks for."""
    return command[4] or 256


def is_read(command: bytes) -> bool:
    """Return whether a command is READ BINARY."""
    return command[1] == READ_BINARY


def reads_cut_to(most: int, sw: int) -> Rewrite:
    """Give at most so many bytes to any READ BINARY, and then this status word."""

    def rewrite(command: bytes, answer: bytes) -> bytes:
        if not is_read(command) or len(answer) - 2 <= most:
            return answer
        return answer[:most] + sw.to_bytes(2, "big")

    return rewrite


def reads_refused_above(most: int, answer_instead: bytes) -> Rewrite:
    """Give another answer to each READ BINARY that asks for more than so many bytes."""

    def rewrite(command: bytes, answer: bytes) -> bytes:
        return answer_instead if is_read(command) and le_of(command) > most else answer

    return rewrite


def once(
    wanted: Callable[[bytes], bool], change: Callable[[bytes], bytes], skip: int = 0
) -> Rewrite:
    """Change the answer to one command, the one after the first ``skip`` that are wanted."""
    left = [skip]

    def rewrite(command: bytes, answer: bytes) -> bytes:
        if wanted(command):
            left[0] -= 1
            if left[0] == -1:
                return change(answer)
        return answer

    return rewrite


def with_files(card: VirtualCard, **files: bytes) -> OddCard:
    """Return the card with other contents of files, by path with "_" for "/"."""
    named = {path.removeprefix("f").replace("_", "/"): content for path, content in files.items()}
    return OddCard(replace(card.data, files={**card.data.files, **named}))


def certificate_entries(data: CardData) -> list[bytes]:
    """Return the entries of the card's CDF, the signing certificate's first."""
    raw = directory.certificate_directory(ROOTS[data.generation.value], data.certificates)
    return split(raw[: int.from_bytes(raw[-2:], "little")])


def split(content: bytes) -> list[bytes]:
    """Split a directory file's content into its entries."""
    found = []
    while content:
        size = 2 + content[1] if content[1] < 0x80 else 3 + content[2]
        found.append(content[:size])
        content = content[size:]
    return found


def ended(content: bytes, filling: bytes = b"\x00", block: int = 256) -> bytes:
    """Return a directory file: content, filling, and the content's length."""
    size = -(-(len(content) + 2) // block) * block
    return content + filling * (size - 2 - len(content)) + len(content).to_bytes(2, "little")


def noise_of(size: int) -> bytes:
    """Return bytes without sense, the same ones each time."""
    return random.Random(size).randbytes(size)  # noqa: S311  # no secret


def sequence(*parts: bytes) -> bytes:
    """Encode a SEQUENCE."""
    return encode(0x30, b"".join(parts))


def entry(identifier: bytes, value: bytes, tag: int = 0x30, label: str = "odd") -> bytes:
    """Encode a directory entry of any kind with any typeAttributes."""
    common = sequence(encode(0x0C, label.encode()), encode(0x03, b"\x06\x40"))
    return encode(tag, common + sequence(encode(0x04, identifier)) + encode(0xA1, value))


def place(path: bytes, offset: int, length: int) -> bytes:
    """Encode the place of a certificate."""
    return sequence(
        sequence(
            encode(0x04, path),
            encode(0x02, offset.to_bytes(3, "big")),
            encode(0x80, length.to_bytes(3, "big")),
        )
    )


def provider_of(*cards: VirtualCard) -> VirtualProvider:
    """Return readers with a card in each."""
    provider = VirtualProvider(readers=len(cards))
    for number, card in enumerate(cards):
        provider.insert(READER_NAME.format(number), card)
    return provider


@asynccontextmanager
async def agent_with(*cards: VirtualCard, **arguments: Any) -> AsyncIterator[SigningService]:
    """Run an agent whose readers hold these cards."""
    async with agent_at(provider_of(*cards), **arguments) as service:
        yield service


@asynccontextmanager
async def agent_at(provider: VirtualProvider, **arguments: Any) -> AsyncIterator[SigningService]:
    """Run an agent with these readers."""
    service = SigningService(provider, arguments.pop("consent", AlwaysAllow()), **arguments)
    await service.start()
    try:
        yield service
    finally:
        await service.close()


async def exchange(
    service: SigningService, provider: VirtualProvider, card: VirtualCard, reader: str = READER
) -> None:
    """Put another card into a reader, or the same one again; return when the agent has seen it."""
    async with service.subscribe() as events:
        provider.remove(reader)
        provider.insert(reader, card)
        while True:
            event = await asyncio.wait_for(events.get(), 10)
            if event.name == "card_inserted" and event.reader and event.reader.name == reader:
                return


def pin() -> SecretBytes:
    """Return the right PIN."""
    return SecretBytes.from_text(PIN)


async def code_of(awaitable: Any) -> ErrorCode | None:
    """Return the code of the error that something ends with; None if it succeeds."""
    try:
        await awaitable
    except AgentError as error:
        return error.code
    return None


def contents(listed: Iterable[CardCertificate]) -> set[tuple[str, str, bytes, str]]:
    """Return what a listing says."""
    return {(item.id, item.label, item.facts.der, item.card_serial) for item in listed}


def truth(card: VirtualCard) -> set[tuple[str, str, bytes, str]]:
    """Return what a listing of this card has to say."""
    data = card.data
    return {(c.id.decode(), c.label, c.der, data.serial) for c in data.certificates}


def own(card: VirtualCard, key_id: bytes = ID_SIGN) -> VirtualCertificate:
    """Return the first certificate of a key."""
    return next(c for c in card.data.certificates if c.id == key_id)


def require_right(result: SignatureResult, card: VirtualCard, der: bytes | None = None) -> None:
    """Require that a signature verifies under the right certificate of the right card."""
    verified = verify(result.signatures[0])
    assert verified.content == b"hello"
    assert verified.certificate == result.certificate.facts.der
    assert verified.certificate == (der or own(card).der)
    assert result.certificate.card_serial == card.data.serial


async def sign(service: SigningService, **changes: Any) -> SignatureResult:
    """Sign with the right PIN."""
    return await service.sign(SITE, replace(SIGN_HELLO, **changes), pin())


async def require_signs(service: SigningService, card: OddCard) -> None:
    """Sign; require the right signature, one VERIFY, and no attempt lost."""
    before = card.verifies
    require_right(await sign(service), card)
    assert card.verifies == before + 1
    assert card.data.attempts_left == 3


async def list_all(
    service: SigningService, reader: str | None = None
) -> tuple[CardCertificate, ...]:
    """Return the certificates on one card, or on all."""
    return (await service.certificates(SITE, reader)).certificates


async def require_lists(service: SigningService, card: VirtualCard) -> None:
    """List; require all of the card's certificates."""
    assert contents(await list_all(service)) == truth(card)
