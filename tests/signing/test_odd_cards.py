"""Cards whose directories, numbers and keys are unlike those of the card on the desk."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import load_der_x509_certificate
from structlog.testing import capture_logs

from agent.errors import ErrorCode
from agent.iso7816.tlv import encode
from agent.signing.model import DecryptFormat, DecryptionRequest
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.model import ID_KEYX, ID_SIGN, CardData
from tests.signing.odd_support import (
    CDF,
    GET_RESULT,
    PRKDF,
    ROOTS,
    SELECT,
    SERIAL,
    SITE,
    OddCard,
    agent_with,
    certificate_entries,
    code_of,
    contents,
    ended,
    entry,
    list_all,
    noise_of,
    own,
    pin,
    place,
    reads_cut_to,
    require_lists,
    require_signs,
    sequence,
    sign,
    truth,
)

CardFactory = Callable[..., VirtualCard]


def with_file(card: VirtualCard, path: str, content: bytes) -> OddCard:
    """Return a card with another content of one file."""
    return OddCard(replace(card.data, files={path: content}))


def path_of(data: CardData, rest: str = "503008F2") -> bytes:
    """Return a path as the card's directories write it."""
    return ROOTS[data.generation.value] + bytes.fromhex(rest)


# Directories.

ODD_ENTRIES: dict[str, Callable[[CardData], bytes]] = {
    "URL": lambda _: entry(b"WEB", sequence(encode(0x13, b"https://ca.example/1.cer"))),
    "URL with its digest": lambda _: entry(
        b"WEB", sequence(encode(0xA3, encode(0x16, b"https://ca.example/") + sequence()))
    ),
    "value in the entry": lambda d: entry(b"SIGN", sequence(encode(0xA0, own_der(d)[:900]))),
    "no path": lambda _: entry(b"NONE", b""),
    "no typeAttributes": lambda _: sequence(sequence(encode(0x0C, b"x")), sequence()),
    "attribute certificate": lambda d: entry(b"AC", place(path_of(d), 0, 100), 0xA0),
    "WTLS certificate": lambda d: entry(b"WTLS", place(path_of(d), 0, 100), 0xA5),
    "application tag": lambda d: entry(b"APPL", place(path_of(d), 0, 100), 0x61),
    "long tag": lambda _: bytes.fromhex("7F4903800101"),
    "path to nothing": lambda d: entry(b"NIL", place(path_of(d, "50307777"), 0, 100)),
    "path to a directory": lambda d: entry(b"DIR", place(path_of(d, "50300810"), 0, 100)),
    "path of one byte": lambda _: entry(b"ODD", place(b"\x3f", 0, 100)),
    "path without end": lambda _: entry(b"DEEP", place(b"\x3f\x00" * 40, 0, 100)),
    "oversized": lambda d: entry(b"BIG", place(path_of(d), 0, 0x2000)),
    "beyond the file": lambda d: entry(b"FAR", place(path_of(d), 0x7F00, 0x80)),
    "beyond READ BINARY": lambda d: entry(b"FAR", place(path_of(d), 0x8000, 0x80)),
    "no length": lambda d: entry(b"NUL", place(path_of(d), 0, 0)),
    "not a certificate": lambda d: entry(b"JUNK", place(path_of(d), 3, 100)),
    "old SIGN that points to nothing": lambda d: entry(
        ID_SIGN, place(path_of(d, "50307777"), 0, 100)
    ),
    "SIGN that is no certificate": lambda d: entry(ID_SIGN, place(path_of(d), 3, 100)),
    "no identifier": lambda d: entry(b"", place(path_of(d), 0, 100)),
    "octets": lambda _: encode(0x04, b"\x30\x80junk"),
    "empty": lambda _: sequence(),
    "label that is no UTF-8": lambda d: entry(b"NIL", place(path_of(d, "50307777"), 0, 9)).replace(
        b"odd", b"\xff\x1b\x00"
    ),
}


def own_der(data: CardData) -> bytes:
    """Return the signing certificate."""
    return next(c.der for c in data.certificates if c.id == ID_SIGN)


@pytest.fixture(params=ODD_ENTRIES)
def odd_entry(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("position", ["first", "middle", "last"])
async def test_an_odd_entry_hides_nothing_else(
    make_card: CardFactory, generation: str, odd_entry: str, position: str
) -> None:
    plain = make_card(generation)
    entries = certificate_entries(plain.data)
    where = {"first": 0, "middle": 2, "last": 4}[position]
    entries.insert(where, ODD_ENTRIES[odd_entry](plain.data))
    card = with_file(plain, CDF, ended(b"".join(entries)))
    async with agent_with(card) as service:
        await require_signs(service, card)
        await require_lists(service, card)
        await require_lists(service, card)
        await require_signs(service, card)


@pytest.mark.parametrize("name", ["path to nothing", "URL", "oversized"])
async def test_the_log_names_what_is_left_out(
    make_card: CardFactory, generation: str, name: str
) -> None:
    plain = make_card(generation)
    odd = ODD_ENTRIES[name](plain.data)
    card = with_file(plain, CDF, ended(b"".join([odd, *certificate_entries(plain.data)])))
    with capture_logs() as logged:
        async with agent_with(card) as service:
            await require_lists(service, card)
    said = [line for line in logged if line["event"] == "a certificate is left out"]
    assert said
    assert all(line["reader"] and line["detail"] for line in said)
    assert card.data.serial not in str(logged)  # a log may be sent to anybody


async def test_a_directory_of_forty_entries(make_card: CardFactory, generation: str) -> None:
    plain = make_card(generation)
    others = [
        entry(f"N{n}".encode(), place(path_of(plain.data, "50307777"), 0, 50)) for n in range(36)
    ]
    own_entries = certificate_entries(plain.data)
    for entries in ([*own_entries, *others], [*others, *own_entries]):
        card = with_file(plain, CDF, ended(b"".join(entries)))
        async with agent_with(card) as service:
            await require_signs(service, card)
            await require_lists(service, card)


async def test_a_directory_of_forty_certificates(make_card: CardFactory, generation: str) -> None:
    """More than the agent reads: it lists 32 of them, the person's own among them, and signs."""
    plain = make_card(generation)
    (offset, length) = (0, len(plain.data.certificates[0].der))
    others = [
        entry(f"N{n}".encode(), place(path_of(plain.data), offset, length)) for n in range(36)
    ]
    for entries in (
        [*certificate_entries(plain.data), *others],
        [*others, *certificate_entries(plain.data)],
    ):
        card = with_file(plain, CDF, ended(b"".join(entries)))
        async with agent_with(card) as service:
            await require_signs(service, card)
            listed = contents(await list_all(service))
            assert {item for item in listed if item[0] == "SIGN"} < truth(card)
            assert {item[0] for item in listed} >= {"SIGN", "KEYX"}
            await require_signs(service, card)


@pytest.mark.parametrize("filling", [b"\x00", b"\xff"])
@pytest.mark.parametrize("block", [256, 1024])
async def test_a_directory_that_is_filled_up(
    make_card: CardFactory, generation: str, filling: bytes, block: int
) -> None:
    plain = make_card(generation)
    card = with_file(plain, CDF, ended(b"".join(certificate_entries(plain.data)), filling, block))
    async with agent_with(card) as service:
        await require_lists(service, card)
        await require_signs(service, card)


TAILS = (0x0130, 0x0230, 0x0204, 0x0180, 0x0280, 0x0302, 0x011F, 0x021F, 0x013F, 0x01A1, 0x0181)


@pytest.mark.parametrize("length", TAILS, ids=lambda length: length.to_bytes(2, "little").hex())
@pytest.mark.parametrize("most", [0, 128, 1])
async def test_the_length_at_the_end_is_no_entry(
    make_card: CardFactory, generation: str, length: int, most: int
) -> None:
    """A file without filling, whose last two bytes begin like a data object."""
    plain = make_card(generation)
    entries = certificate_entries(plain.data)
    if sum(map(len, entries)) > length:
        del entries[-1]
    content = b"".join(entries)
    content += filler_of(length - len(content))
    assert len(content) == length
    card = with_file(plain, CDF, content + length.to_bytes(2, "little"))
    if most:
        card.rewrite = reads_cut_to(most, 0x9000)
    async with agent_with(card) as service:
        listed = contents(await list_all(service))
        assert listed <= truth(card)
        assert len(listed) == len(entries)


def filler_of(size: int) -> bytes:
    """Return an entry of so many bytes that is no certificate's."""
    for head in (2, 3, 4):
        element = encode(0x04, b"x" * (size - head))
        if len(element) == size:
            return element
    raise AssertionError(size)


@pytest.mark.parametrize("cut", [1, 3, 30, 41])
@pytest.mark.parametrize("count", [1, 2, 4])
async def test_a_directory_that_ends_inside_an_entry_is_an_error(
    make_card: CardFactory, generation: str, cut: int, count: int
) -> None:
    plain = make_card(generation)
    card = with_file(plain, CDF, b"".join(certificate_entries(plain.data)[:count])[:-cut])
    async with agent_with(card) as service:
        for _ in range(2):
            assert await code_of(service.certificates(SITE)) is ErrorCode.UNSUPPORTED_CARD
        if count > 1:  # nobody needs what comes after it
            await require_signs(service, card)
        else:
            assert await code_of(sign(service)) is ErrorCode.UNSUPPORTED_CARD
            assert card.verifies == 0


@pytest.mark.parametrize("size", [0, 2, 5, 17, 255, 700])
async def test_a_directory_of_noise_is_an_error(
    make_card: CardFactory, generation: str, size: int
) -> None:
    noise = b"\x30" + noise_of(size) if size else b""
    card = with_file(make_card(generation), CDF, noise)
    async with agent_with(card) as service:
        assert await code_of(service.certificates(SITE)) is not None
        assert await code_of(sign(service)) is not None
        assert card.verifies == 0


# Key references.


def with_references(card: VirtualCard, sign_key: int, exchange_key: int) -> OddCard:
    """Return the card with other key references, and the directories that say so."""
    references = {ID_SIGN: sign_key, ID_KEYX: exchange_key}
    keys = tuple(replace(key, reference=references[key.id]) for key in card.data.keys)
    return OddCard(replace(card.data, keys=keys))


def encrypted(card: VirtualCard, message: bytes = b"secret") -> DecryptionRequest:
    """Encrypt a message to the card's key-exchange key."""
    key = load_der_x509_certificate(own(card, ID_KEYX).der).public_key()
    assert isinstance(key, RSAPublicKey)
    return DecryptionRequest(key.encrypt(message, PKCS1v15()), DecryptFormat.PKCS1)


@pytest.mark.parametrize(("sign_key", "exchange_key"), [(0x11, 0x15), (0x05, 0x01), (0x81, 0xC5)])
async def test_the_card_says_how_its_keys_are_named(
    make_card: CardFactory, generation: str, sign_key: int, exchange_key: int
) -> None:
    card = with_references(make_card(generation), sign_key, exchange_key)
    async with agent_with(card) as service:
        await require_signs(service, card)
        assert await service.decrypt(SITE, encrypted(card), pin()) == b"secret"
        await require_lists(service, card)
        await require_signs(service, card)
        assert card.verifies == 3


async def test_a_reader_of_short_reads_and_other_references(
    make_card: CardFactory, generation: str
) -> None:
    """Where the key directory was not read, the request after the one that failed reads it."""
    card = with_references(make_card(generation), 0x11, 0x15)
    card.rewrite = lambda command, answer: (
        b"\x67\x00" if command[1] == 0xB0 and (command[4] or 256) > 200 else answer
    )
    async with agent_with(card) as service:
        first = await code_of(sign(service))
        assert first in (None, ErrorCode.KEY_NOT_FOUND)
        assert card.verifies == 1
        await require_signs(service, card)
        await require_signs(service, card)
        assert await service.decrypt(SITE, encrypted(card), pin()) == b"secret"


def key_entry(identifier: bytes, reference: bytes) -> bytes:
    """Encode a PrKDF entry."""
    return sequence(
        sequence(encode(0x0C, b"K"), encode(0x03, b"\x07\x80"), encode(0x04, b"\x01")),
        sequence(
            encode(0x04, identifier),
            encode(0x03, b"\x05\x20"),
            *([encode(0x02, reference)] if reference else []),
        ),
        encode(0xA1, sequence(sequence(encode(0x04, bytes.fromhex("3F0050300810"))))),
    )


USELESS = {
    "empty": b"",
    "filled up": bytes(256),
    "only FF": b"\xff" * 256,
    "noise": b"\x30" + noise_of(255),
    "without references": ended(key_entry(b"SIGN", b"") + key_entry(b"KEYX", b"")),
    "references of five bytes": ended(key_entry(b"SIGN", b"\x01" * 5)),
    "cut inside an entry": key_entry(b"SIGN", b"\x01")[:-4],
    "of other keys": ended(key_entry(b"OTHER", b"\x07")),
    "certificates": ended(entry(b"SIGN", place(b"\x3f\x00\x50\x30\x08\xf2", 0, 7))),
}


@pytest.mark.parametrize("name", USELESS)
async def test_a_key_directory_of_no_use_is_none(
    make_card: CardFactory, generation: str, name: str
) -> None:
    card = with_file(make_card(generation), PRKDF, USELESS[name])
    async with agent_with(card) as service:
        await require_signs(service, card)
        assert await service.decrypt(SITE, encrypted(card), pin()) == b"secret"
        await require_lists(service, card)


@pytest.mark.parametrize("sw", [0x6A82, 0x6982, 0x6D00, 0x6F00])
async def test_a_card_without_a_key_directory(
    make_card: CardFactory, generation: str, sw: int
) -> None:
    def without(command: bytes, answer: bytes) -> bytes:
        is_it = command[1] == SELECT and command[5:7] == b"\x41\x00"
        return sw.to_bytes(2, "big") if is_it else answer

    card = OddCard(make_card(generation).data, without)
    async with agent_with(card) as service:
        await require_signs(service, card)
        await require_lists(service, card)
        await require_signs(service, card)


@pytest.mark.parametrize("reference", [5, 0x33, 0], ids=["another key's", "no key's", "zero"])
async def test_a_key_directory_that_lies_makes_no_signature(
    make_card: CardFactory, generation: str, reference: int
) -> None:
    """Nothing that does not verify leaves; the next request does not believe it any more."""
    lie = ended(key_entry(b"SIGN", bytes((reference,))) + key_entry(b"KEYX", b"\x05"))
    card = with_file(make_card(generation), PRKDF, lie)
    async with agent_with(card) as service:
        assert await code_of(sign(service)) is not None
        assert card.verifies == 1
        assert card.data.attempts_left == 3
        await require_signs(service, card)
        await require_signs(service, card)


# Numbers.

NUMBERS = {
    "NUL": b"TEST12345678\0\0\0\0",
    "FF": b"TEST12345678\xff\xff\xff\xff",
    "spaces": b"TEST12345678    ",
    "in front": b"    TEST12345678",
    "shorter": b"TEST12345678",
    "longer file": b"TEST12345678" + bytes(100),
    "mixed": b"TEST12345678 \0\xff\xff",
}


@pytest.mark.parametrize("name", NUMBERS)
async def test_a_number_is_read_without_its_filling(
    make_card: CardFactory, generation: str, name: str
) -> None:
    card = with_file(make_card(generation), SERIAL, NUMBERS[name])
    card.data.serial = "TEST12345678"
    async with agent_with(card) as service:
        await require_lists(service, card)
        await require_signs(service, card)
        (reader,) = service.snapshot().readers
        assert reader.serial == "TEST12345678"


@pytest.mark.parametrize(
    "number", [b"", bytes(16), b"\xff" * 16, b" " * 16, b"TEST\0123", b"\xe5\xae\x89", b"A\x1b[1m"]
)
async def test_a_card_without_a_number_is_not_used(
    make_card: CardFactory, generation: str, number: bytes
) -> None:
    card = with_file(make_card(generation), SERIAL, number)
    async with agent_with(card) as service:
        assert await code_of(service.certificates(SITE)) is ErrorCode.UNSUPPORTED_CARD
        assert await code_of(sign(service)) is ErrorCode.UNSUPPORTED_CARD
        assert card.verifies == 0


# What the key makes.


async def test_garbage_in_half_of_a_decryption_is_an_error(
    make_card: CardFactory, generation: str
) -> None:
    """Only encrypting again shows it: the padding is in the other half."""
    card = OddCard(make_card(generation).data)
    request = encrypted(card, b"m" * 200)
    garbage = noise_of(128)
    async with agent_with(card) as service:
        assert await service.decrypt(SITE, request, pin()) == b"m" * 200
        card.rewrite = lambda command, answer: (
            garbage + answer[-2:] if command[1] == GET_RESULT else answer
        )
        assert await code_of(service.decrypt(SITE, request, pin())) is not None
        assert card.verifies == 2
        assert await code_of(sign(service)) is not None
        assert card.verifies == 3
        card.rewrite = lambda _, answer: answer
        assert await service.decrypt(SITE, request, pin()) == b"m" * 200
        await require_signs(service, card)
        assert card.data.attempts_left == 3
