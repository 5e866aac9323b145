"""What ends up in the history: one line for each signature, whatever becomes of the request."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog.testing
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from agent.cards.citizen.card import CitizenCard
from agent.cms.digest import HashAlgorithm
from agent.cms.document import Document
from agent.consent.consent import AlwaysAllow, Consent, Refuse
from agent.errors import AgentError, ErrorCode
from agent.history import store as history_module
from agent.history.line import Entry, EntryKind
from agent.history.store import History, read, verify
from agent.origin import Origin
from agent.secret import SecretBytes
from agent.signing import sign_task
from agent.signing.model import (
    DecryptFormat,
    DecryptionRequest,
    SignatureFormat,
    SignatureRequest,
)
from agent.signing.recording import Recorder, Signed
from agent.signing.service import SigningService
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.issuer import Validity
from agent.virtualcard.model import Faults
from agent.virtualcard.provider import READER_NAME, VirtualProvider

CardFactory = Callable[..., VirtualCard]
SITE = Origin.parse("https://portal.example")
READER = READER_NAME.format(0)
ONE = SignatureRequest((Document(data=b"hello", name="合約.txt"),))
WAIT = 10.0


def pin(text: str = "123456") -> SecretBytes:
    return SecretBytes.from_text(text)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.sqlite"


@asynccontextmanager
async def running(
    path: Path, card: VirtualCard, consent: Consent | None = None, **options: Any
) -> AsyncIterator[SigningService]:
    provider = VirtualProvider(readers=1)
    provider.insert(READER, card)
    history = await asyncio.to_thread(History, path)
    service = SigningService(provider, consent or AlwaysAllow(), history=history, **options)
    await service.start()
    try:
        yield service
    finally:
        await service.close()
        await asyncio.to_thread(history.close)


async def entries(path: Path) -> list[Entry]:
    """Return what is on disk now, the oldest first, and check that it holds."""
    lines = await asyncio.to_thread(read, path)
    assert (await asyncio.to_thread(verify, path)).intact
    return [line.entry for line in reversed(lines)]


async def fails(awaitable: Any) -> ErrorCode:
    with pytest.raises(AgentError) as error:
        await awaitable
    return error.value.code


async def until(holds: Callable[[], Any]) -> None:
    async with asyncio.timeout(WAIT):
        while not await holds():  # noqa: ASYNC110  # a disk sets no event
            await asyncio.sleep(0.02)


async def test_a_signature_leaves_exactly_one_line_before_its_answer(
    make_card: CardFactory, path: Path
) -> None:
    async with running(path, make_card()) as service:
        result = await service.sign(SITE, ONE, pin())
        (line,) = await entries(path)
    facts = result.certificate.facts
    assert line == Entry(
        at=line.at,
        kind=EntryKind.SIGN,
        outcome="done",
        site=str(SITE),
        format="cms",
        hash="SHA-256",
        digest=hashlib.sha256(b"hello").hexdigest(),
        document="合約.txt",
        count=1,
        reader=READER,
        card_serial=result.certificate.card_serial,
        thumbprint=facts.thumbprint.hex(),
        holder=facts.subject_cn,
    )
    assert datetime.fromisoformat(line.at).tzinfo is not None


async def test_each_document_of_a_batch_has_its_line(make_card: CardFactory, path: Path) -> None:
    digest = HashAlgorithm.SHA512.digest(b"only the digest is known")
    batch = SignatureRequest(
        (Document(digest=digest, name="a"), Document(data=b"b", name="b"), Document(data=b"c")),
        hash=HashAlgorithm.SHA512,
        format=SignatureFormat.PKCS1,
    )
    async with running(path, make_card()) as service:
        await service.sign(SITE, batch, pin())
        lines = await entries(path)
    assert [(line.document, line.count, line.outcome) for line in lines] == [
        ("a", 1, "done"),
        ("b", 1, "done"),
        (None, 1, "done"),
    ]
    assert lines[0].digest == digest.hex()
    assert lines[1].digest == hashlib.sha512(b"b").hexdigest()
    assert {(line.format, line.hash) for line in lines} == {("pkcs1", "SHA-512")}


async def test_a_decryption_leaves_a_line(make_card: CardFactory, path: Path) -> None:
    async with running(path, make_card()) as service:
        certificates = (await service.certificates(SITE)).certificates
        key = next(each for each in certificates if each.id == "KEYX")
        public = key.facts.public_key
        assert isinstance(public, RSAPublicKey)
        sealed = public.encrypt(b"secret", PKCS1v15())
        request = DecryptionRequest(sealed, DecryptFormat.PKCS1)
        assert await service.decrypt(SITE, request, pin()) == b"secret"
        (line,) = await entries(path)
    assert (line.kind, line.outcome, line.format) == (EntryKind.DECRYPT, "done", "pkcs1")
    assert line.digest == hashlib.sha256(sealed).hexdigest()
    assert line.thumbprint == key.facts.thumbprint.hex()


async def test_each_wrong_pin_has_its_line(make_card: CardFactory, path: Path) -> None:
    batch = replace(ONE, documents=ONE.documents * 3)
    async with running(path, make_card()) as service:
        assert await fails(service.sign(SITE, batch, pin("654321"))) is ErrorCode.PIN_INCORRECT
        assert await fails(service.sign(SITE, ONE, pin("654321"))) is ErrorCode.PIN_INCORRECT
        await service.sign(SITE, ONE, pin())
        lines = await entries(path)
    assert [(line.outcome, line.count) for line in lines] == [
        ("pin_incorrect", 3),
        ("pin_incorrect", 1),
        ("done", 1),
    ]
    assert len({line.card_serial for line in lines}) == 1
    assert lines[0].card_serial


async def test_a_locked_pin_has_its_line(make_card: CardFactory, path: Path) -> None:
    card = make_card()
    card.data.attempts_left = 0
    async with running(path, card) as service:
        for _ in range(5):
            assert await fails(service.sign(SITE, ONE, pin())) is ErrorCode.PIN_LOCKED
        assert [line.outcome for line in await entries(path)] == ["pin_locked"]


async def test_a_card_that_is_refused_has_its_line(make_card: CardFactory, path: Path) -> None:
    async with running(path, make_card(validity=Validity.EXPIRED)) as service:
        assert await fails(service.sign(SITE, ONE, pin())) is ErrorCode.CERTIFICATE_EXPIRED
        (line,) = await entries(path)
    assert line.outcome == "certificate_expired"
    assert line.holder


async def test_a_refused_site_leaves_a_line_for_what_it_wanted(
    make_card: CardFactory, path: Path
) -> None:
    async with running(path, make_card(), Refuse("no")) as service:
        assert await fails(service.connect(SITE)) is ErrorCode.ORIGIN_NOT_ALLOWED
        other = Origin.parse("https://other.example")
        assert await fails(service.sign(other, ONE, pin())) is ErrorCode.ORIGIN_NOT_ALLOWED
        lines = await entries(path)
    assert [(line.kind, line.site, line.outcome) for line in lines] == [
        (EntryKind.CONNECT, str(SITE), "origin_not_allowed"),
        (EntryKind.SIGN, str(other), "origin_not_allowed"),
    ]
    assert lines[1].document == "合約.txt"
    assert lines[1].card_serial is None


async def test_what_is_no_news_leaves_no_line(make_card: CardFactory, path: Path) -> None:
    async with running(path, make_card()) as service:
        await service.connect(SITE)
        await service.certificates(SITE)
        for request, secret in (
            (ONE, pin("1")),
            (replace(ONE, reader="no such reader"), pin()),
            (replace(ONE, certificate=bytes(32)), pin()),
            (ONE, None),
        ):
            await fails(service.sign(SITE, request, secret))
        assert await entries(path) == []


def test_a_site_that_knocks_on_and_on_fills_nothing() -> None:
    now = [datetime(2030, 1, 1, tzinfo=UTC)]
    recorder = Recorder(None, None, lambda: now[0])
    code = str(ErrorCode.ORIGIN_BLOCKED)

    def knocks(site: Origin, times: int) -> int:
        return sum(recorder.wants(site, code) for _ in range(times))

    assert knocks(SITE, 1000) == 1
    now[0] += timedelta(minutes=9)
    assert knocks(SITE, 10) == 0
    now[0] += timedelta(minutes=1)
    assert knocks(SITE, 10) == 1
    sites = [Origin.parse(f"https://{number}.evil.example") for number in range(2000)]
    assert sum(knocks(site, 2) for site in sites) == 58
    now[0] += timedelta(hours=1)
    assert knocks(SITE, 1) == 1
    assert recorder.wants(sites[-1], "done")
    assert recorder.wants(sites[-1], str(ErrorCode.PIN_INCORRECT))
    now[0] -= timedelta(days=1)  # somebody set the clock back: nothing is held back for a day
    assert knocks(SITE, 1) == 1


def test_many_sites_at_one_moment_fill_nothing() -> None:
    recorder = Recorder(None, None, lambda: datetime(2030, 1, 1, tzinfo=UTC))
    sites = [Origin.parse(f"https://{number}.evil.example") for number in range(100)]
    assert sum(recorder.wants(site, str(ErrorCode.ORIGIN_BLOCKED)) for site in sites) == 60


# Whoever asked has gone.


async def test_a_signature_that_nobody_waited_for_is_told(
    make_card: CardFactory, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page left after the PIN was sent: the card signs all the same."""
    working, go_on = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    sign = CitizenCard.sign

    def held(*arguments: Any) -> tuple[bytes, ...]:
        used = sign(*arguments)
        loop.call_soon_threadsafe(working.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(WAIT)
        return used

    monkeypatch.setattr(CitizenCard, "sign", held)
    async with running(path, make_card()) as service:
        asked = asyncio.create_task(service.sign(SITE, ONE, pin()))
        await asyncio.wait_for(working.wait(), WAIT)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert await entries(path) == []
        go_on.set()

        # The first line of all stands there a moment before there is a witness to it.
        await until(lambda: asyncio.to_thread(read, path))
    (line,) = await entries(path)
    assert (line.outcome, line.document) == ("undelivered", "合約.txt")
    assert line.holder


async def test_a_signature_that_came_too_late_is_told_twice(
    make_card: CardFactory, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First that the time was up, then that the card did it all the same."""
    monkeypatch.setattr(sign_task, "CARD_SECONDS", 0.3)
    monkeypatch.setattr(sign_task, "SIGNATURE_SECONDS", 0.0)
    async with running(path, make_card(faults=Faults(rsa_delay_ms=1500))) as service:
        assert await fails(service.sign(SITE, ONE, pin())) is ErrorCode.TIMEOUT
        assert [line.outcome for line in await entries(path)] == ["timeout"]

        async def both() -> bool:
            return len(await entries(path)) == 2

        await until(both)
        assert [line.outcome for line in await entries(path)] == ["timeout", "undelivered"]


async def test_cancelled_before_the_pin_it_leaves_nothing(
    make_card: CardFactory, path: Path
) -> None:
    async with running(path, make_card(faults=Faults(rsa_delay_ms=400))) as service:
        first = asyncio.create_task(service.sign(SITE, ONE, pin()))
        second = asyncio.create_task(service.sign(SITE, ONE, pin("654321")))
        await asyncio.sleep(0.05)
        second.cancel()
        await first
        with pytest.raises(asyncio.CancelledError):
            await second
        await service.certificates(SITE)  # whatever was under way has ended
        assert [line.outcome for line in await entries(path)] == ["done"]


async def test_cancelled_at_any_moment_the_lines_tell_what_the_card_did(
    make_card: CardFactory, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each signature that the card made has one line, and no other has one."""
    made: list[tuple[bytes, ...]] = []
    sign = CitizenCard.sign

    def counted(self: CitizenCard, *arguments: Any) -> tuple[bytes, ...]:
        used = sign(self, *arguments)
        made.append(used)
        return used

    monkeypatch.setattr(CitizenCard, "sign", counted)
    async with running(path, make_card(faults=Faults(rsa_delay_ms=10))) as service:
        for number in range(25):
            asked = asyncio.create_task(service.sign(SITE, ONE, pin()))
            await asyncio.sleep(number * 0.004)
            asked.cancel()
            with suppress(asyncio.CancelledError):
                await asked
        await service.certificates(SITE)

        async def all_told() -> bool:
            return len(await entries(path)) == len(made)

        await until(all_told)
        outcomes = {line.outcome for line in await entries(path)}
    assert outcomes <= {"done", "undelivered"}


async def test_lines_stand_in_the_order_of_what_happened(
    make_card: CardFactory, path: Path
) -> None:
    done: list[str] = []

    async def sign(service: SigningService, name: str) -> None:
        request = SignatureRequest((Document(data=name.encode(), name=name),))
        await service.sign(SITE, request, pin())
        done.append(name)

    async with running(path, make_card()) as service:
        await asyncio.gather(*(sign(service, f"document {n}") for n in range(6)))
        lines = await entries(path)
    assert [line.document for line in lines] == done
    assert [line.at for line in lines] == sorted(line.at for line in lines)


# Notifications, and a history that fails.


async def test_whoever_shows_notifications_is_told_once(make_card: CardFactory, path: Path) -> None:
    told: list[Signed] = []
    async with running(path, make_card(), on_signed=told.append) as service:
        await fails(service.sign(SITE, ONE, pin("654321")))
        result = await service.sign(SITE, replace(ONE, documents=ONE.documents * 2), pin())
    certificate = result.certificate
    names = ("合約.txt", "合約.txt")
    serial = certificate.card_serial
    holder = certificate.facts.subject_cn
    assert told == [Signed(EntryKind.SIGN, SITE, names, holder, serial)]


async def test_a_notification_that_fails_takes_no_signature_along(
    make_card: CardFactory, path: Path
) -> None:
    def broken(_: Signed) -> None:
        raise RuntimeError("no display")

    with structlog.testing.capture_logs() as logs:
        async with running(path, make_card(), on_signed=broken) as service:
            assert (await service.sign(SITE, ONE, pin())).signatures
    assert "the notification after a signature failed" in [line["event"] for line in logs]


async def test_a_history_that_cannot_be_written_takes_no_signature_along(
    make_card: CardFactory, path: Path
) -> None:
    def full(*_: Any) -> None:
        raise OSError("no space left on device")

    provider = VirtualProvider(readers=1)
    provider.insert(READER, make_card())
    history = await asyncio.to_thread(History, path)
    service = SigningService(provider, AlwaysAllow(), history=history)
    await service.start()
    with pytest.MonkeyPatch.context() as patch, structlog.testing.capture_logs() as logs:
        patch.setattr(history_module, "_insert", full)
        assert (await service.sign(SITE, ONE, pin())).signatures
    assert history.problem == "no space left on device"
    assert [line["log_level"] for line in logs] == ["error"]
    await service.close()
    await asyncio.to_thread(history.close)


async def test_use_is_told_of_allowed_sites_only(make_card: CardFactory, path: Path) -> None:
    used: list[Origin] = []
    async with running(path, make_card(), on_use=used.append) as service:
        await service.sign(SITE, ONE, pin())
        await service.certificates(SITE)
    async with running(path, make_card(), Refuse("no"), on_use=used.append) as service:
        await fails(service.sign(SITE, ONE, pin()))
    assert used == [SITE, SITE]


async def test_neither_pin_nor_content_is_in_the_file(make_card: CardFactory, path: Path) -> None:
    content = b"the words of a secret contract"
    request = SignatureRequest((Document(data=content, name="\x1b]0;evil\x07name"),))
    async with running(path, make_card(pin="Zq7kxk3t")) as service:
        await fails(service.sign(SITE, request, pin("Wr0ngp12")))
        await service.sign(SITE, request, pin("Zq7kxk3t"))
        (_, line) = await entries(path)
        files = [file for file in path.parent.iterdir() if file.name.startswith(path.name)]
        raw = b"".join([await asyncio.to_thread(file.read_bytes) for file in files])
    assert line.document == "\ufffd]0;evil\ufffdname"
    for secret in (content, b"Zq7kxk3t", b"Wr0ngp12", b"\x1b]0;"):
        assert secret not in raw
