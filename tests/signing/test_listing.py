"""Listing all cards: one reader that hangs or fails neither holds up nor hides the others."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from agent import cli
from agent.cms.document import Document
from agent.commands.readers import ReaderOptions
from agent.consent.consent import AlwaysAllow
from agent.errors import AgentError, ErrorCode
from agent.origin import LOCAL_USER
from agent.secret import SecretBytes
from agent.signing import service as service_module
from agent.signing.model import CardPresence, SignatureFormat, SignatureRequest
from agent.signing.patience import Patience
from agent.signing.service import SigningService
from agent.transport.base import ReaderState
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.provider import READER_NAME, VirtualProvider

CardFactory = Callable[..., VirtualCard]
FIRST, SECOND = READER_NAME.format(0), READER_NAME.format(1)
SILENCE = 1.0


class HangingCard(VirtualCard):
    """Answers nothing from its third command on, until it is let go."""

    def __init__(self, card: VirtualCard) -> None:
        super().__init__(card.data)
        self.asked = threading.Event()
        self.let_go = threading.Event()
        self._left = 2

    def process(self, command: bytes) -> bytes:
        if self._left == 0:
            self.asked.set()
            self.let_go.wait(60)
        else:
            self._left -= 1
        return super().process(command)


class SlowCard(VirtualCard):
    """Takes its time for each command."""

    answers = 0

    def process(self, command: bytes) -> bytes:
        time.sleep(SILENCE / 10)
        self.answers += 1
        return super().process(command)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_module, "LISTING_SILENCE", SILENCE)


@asynccontextmanager
async def running(*cards: VirtualCard) -> AsyncIterator[SigningService]:
    service = SigningService(provider_with(*cards), AlwaysAllow())
    await service.start()
    try:
        yield service
    finally:
        for card in cards:
            if isinstance(card, HangingCard):
                card.let_go.set()
        await service.close()


def provider_with(*cards: VirtualCard) -> VirtualProvider:
    provider = VirtualProvider(readers=len(cards))
    for number, card in enumerate(cards):
        provider.insert(READER_NAME.format(number), card)
    return provider


async def test_a_hung_reader_does_not_hold_up_another(make_card: CardFactory) -> None:
    hanging = HangingCard(make_card())
    async with running(hanging, make_card()) as service:
        everything = asyncio.create_task(service.certificates(LOCAL_USER))
        await asyncio.to_thread(hanging.asked.wait)
        alone = await service.certificates(LOCAL_USER, SECOND)
        assert {each.reader for each in alone.certificates} == {SECOND}
        assert not everything.done()
        hanging.let_go.set()
        listing = await everything
    assert {each.reader for each in listing.certificates} == {FIRST, SECOND}
    assert listing.problems == ()


@pytest.mark.usefixtures("short")
async def test_what_is_late_is_said_beside_what_was_found(make_card: CardFactory) -> None:
    async with running(HangingCard(make_card()), make_card()) as service:
        listing = await service.certificates(LOCAL_USER)
    assert {each.reader for each in listing.certificates} == {SECOND}
    ((reader, code),) = ((each.reader, each.error.code) for each in listing.problems)
    assert (reader, code) == (FIRST, ErrorCode.TIMEOUT)


@pytest.mark.usefixtures("short")
async def test_nothing_read_is_an_error_and_no_empty_list(make_card: CardFactory) -> None:
    cards = HangingCard(make_card()), HangingCard(make_card())
    async with running(*cards) as service:
        for reader in (None, FIRST):
            with pytest.raises(AgentError) as refused:
                await service.certificates(LOCAL_USER, reader)
            assert (refused.value.code, refused.value.retriable) == (ErrorCode.TIMEOUT, True)


@pytest.mark.usefixtures("short")
async def test_a_card_that_keeps_answering_is_waited_for(make_card: CardFactory) -> None:
    slow = SlowCard(make_card().data)
    async with running(slow) as service:
        listing = await service.certificates(LOCAL_USER)
    assert slow.answers > 10  # longer than the silence, all together
    assert (len(listing.certificates), listing.problems) == (4, ())


async def test_a_bug_in_reading_one_card_does_not_hide_another(
    make_card: CardFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = SigningService._certificates_in  # where a driver's bug would come up

    async def broken(self: SigningService, reader: str) -> Any:
        if reader == FIRST:
            raise ZeroDivisionError
        return await read(self, reader)

    monkeypatch.setattr(SigningService, "_certificates_in", broken)
    async with running(make_card(), make_card()) as service:
        listing = await service.certificates(LOCAL_USER)
        assert {each.reader for each in listing.certificates} == {SECOND}
        ((reader, code),) = ((each.reader, each.error.code) for each in listing.problems)
        assert (reader, code) == (FIRST, ErrorCode.INTERNAL)
        with pytest.raises(ZeroDivisionError):
            await service.certificates(LOCAL_USER, FIRST)


async def test_a_certificate_is_found_beside_a_hung_reader(make_card: CardFactory) -> None:
    hanging = HangingCard(make_card())
    async with running(hanging, make_card()) as service:
        found = (await service.certificates(LOCAL_USER, SECOND)).certificates
        (wanted,) = (each.facts.thumbprint for each in found if each.id == "SIGN")
        request = SignatureRequest(
            (Document(data=b"it"),), format=SignatureFormat.PKCS1, certificate=wanted
        )
        signed = await service.sign(LOCAL_USER, request, SecretBytes.from_text("123456"))
        assert signed.certificate.reader == SECOND
        assert not hanging.let_go.is_set()


@pytest.mark.usefixtures("short")
async def test_a_certificate_is_not_called_missing_where_a_card_was_not_read(
    make_card: CardFactory,
) -> None:
    request = SignatureRequest((Document(data=b"it"),), certificate=bytes(32))
    async with running(HangingCard(make_card()), make_card()) as service:
        with pytest.raises(AgentError) as refused:
            await service.sign(LOCAL_USER, request, SecretBytes.from_text("123456"))
    assert refused.value.code is ErrorCode.TIMEOUT


@contextmanager
def instead(monkeypatch: pytest.MonkeyPatch, *cards: VirtualCard) -> Iterator[VirtualProvider]:
    """Give commands these cards."""
    provider = provider_with(*cards)
    monkeypatch.setattr(ReaderOptions, "open_provider", lambda _: provider)
    try:
        yield provider
    finally:
        for card in cards:
            if isinstance(card, HangingCard):
                card.let_go.set()


@pytest.mark.usefixtures("short")
def test_the_command_lists_the_rest_and_says_who_does_not_answer(
    make_card: CardFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    with instead(monkeypatch, HangingCard(make_card()), make_card()) as provider:
        assert cli.run(["certificates", "--json", "--state-dir", str(tmp_path)]) == 0
        provider.close()
    told = capsys.readouterr()
    answer = json.loads(told.out)
    assert {each["reader"] for each in answer["certificates"]} == {SECOND}
    ((reader, code, retriable),) = (
        (each["reader"], each["code"], each["retriable"]) for each in answer["problems"]
    )
    assert (reader, code, retriable) == (FIRST, "timeout", True)
    assert f"ankong: {FIRST} does not answer" in told.err.splitlines()


def test_without_a_service_the_command_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with instead(monkeypatch) as provider:
        provider.set_service(False)
        for more in ([], ["--reader", FIRST]):
            assert cli.run(["certificates", "--state-dir", str(tmp_path), *more]) == 1
            assert "pcsc_unavailable" in capsys.readouterr().err


@pytest.mark.parametrize("reader", [None, FIRST, "no such reader"])
async def test_where_the_service_is_down_no_reader_is_called_missing(
    make_card: CardFactory, reader: str | None
) -> None:
    provider = provider_with(make_card())
    service = SigningService(provider, AlwaysAllow())
    await service.start()
    try:
        async with service.subscribe() as events:
            assert service.snapshot().readers[0].state is CardPresence.CARD
            provider.set_service(False)
            while service.snapshot().service_available or service.snapshot().readers:
                await asyncio.wait_for(events.get(), 10)
        request = SignatureRequest((Document(data=b"it"),), reader=reader)
        for asking in (
            service.certificates(LOCAL_USER, reader),
            service.sign(LOCAL_USER, request, SecretBytes.from_text("123456")),
        ):
            with pytest.raises(AgentError) as refused:
                await asking
            assert refused.value.code is ErrorCode.PCSC_UNAVAILABLE
    finally:
        await service.close()


async def test_looking_for_a_service_that_stays_away_wakes_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Look twenty times in vain; tell of it once, because each telling wakes the event loop."""
    monkeypatch.setattr("agent.signing.patience.PAUSES", (0.001,))
    provider = provider_with()
    provider.set_service(False)
    looks = iter(range(20))
    looked_enough = threading.Event()
    look = provider.readers

    def counted() -> tuple[ReaderState, ...]:
        if next(looks, None) is None:
            looked_enough.set()
        return look()

    monkeypatch.setattr(provider, "readers", counted)
    service = SigningService(provider, AlwaysAllow())
    await service.start()
    told: list[None] = []
    try:
        with service.watch(lambda: told.append(None)):
            assert await asyncio.to_thread(looked_enough.wait, 30)
            await asyncio.sleep(0)  # what was told to the loop is in its queue by now
        assert not told
        async with service.subscribe() as events:
            provider.set_service(True)
            while not service.snapshot().service_available:
                await asyncio.wait_for(events.get(), 10)
    finally:
        await service.close()


async def test_a_service_that_stays_away_is_looked_for_ever_more_rarely(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Note what is given to wait for; begin anew with each service that was there."""
    given: list[float] = []
    enough = threading.Event()

    class Noting(Patience):
        def next_pause(self) -> float:
            given.append(super().next_pause())
            if len(given) in {6, 9}:
                enough.set()
            return 0.001

    monkeypatch.setattr("agent.signing.reader_monitor.Patience", Noting)
    provider = provider_with()
    provider.set_service(False)
    service = SigningService(provider, AlwaysAllow())
    await service.start()
    try:
        assert await asyncio.to_thread(enough.wait, 30)
        async with service.subscribe() as events:
            provider.set_service(True)
            while not service.snapshot().service_available:
                await asyncio.wait_for(events.get(), 10)
            before = given.copy()
            enough.clear()
            given[:] = given[:6]
            provider.set_service(False)
            assert await asyncio.to_thread(enough.wait, 30)
    finally:
        await service.close()
    assert before == sorted(before)
    assert before[0] == given[6] == 1
    assert before[1] > before[0]
    assert before[-1] <= 5
