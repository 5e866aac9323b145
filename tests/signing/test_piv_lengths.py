"""Commands of extended length: where the card promises them, and what if the reader does not."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.cards.card import ID_KEYX, ID_SIGN, Card
from agent.cards.piv.card import PivDriver
from agent.cards.piv.key_commands import PivKey
from agent.cms.digest import HashAlgorithm
from agent.cms.keys import is_signature, signer_key
from agent.errors import (
    AgentError,
    CardError,
    CardRemovedError,
    ErrorCode,
    PinError,
    TransportError,
)
from agent.secret import SecretBytes
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.model import Options
from tests.card.piv_wire import ALGORITHMS, piv_card, private_key, wide_card
from tests.signing.any_card import der_of
from tests.signing.test_piv_driver import MOST_COMMANDS, READER, RIGHT, WRONG, PivDesk

KINDS = {"rsa2048": "RSA-2048", "rsa3072": "RSA-3072", "rsa4096": "RSA-4096",
         "p256": "P-256", "p384": "P-384"}  # fmt: skip
OPENED = ["00A40400", "00CB3FFF", "00200080"]


class NarrowConnection:
    """A reader that does not pass commands of extended length on, each in its own way.

    Attributes:
        said: what it was sent, without data.
        fits: the most bytes of a command that it passes on all the same.

    """

    def __init__(
        self, desk: PivDesk, refuse: Callable[[], tuple[bytes, int]], fits: int = 0
    ) -> None:
        inner = desk.provider.open(READER)
        self._inner = inner
        self._refuse = refuse
        self.fits = fits
        self.said: list[str] = []
        self.atr, self.reader, self.protocol = inner.atr, inner.reader, inner.protocol
        self.features, self.begin, self.end = inner.features, inner.begin, inner.end
        self.reset, self.close = inner.reset, inner.close

    def transmit(self, command: bytes | bytearray) -> tuple[bytes, int]:
        self.said.append(bytes(command[:4]).hex().upper())
        is_long = len(command) > 5 and command[4] == 0
        if is_long and len(command) > self.fits:
            return self._refuse()
        return self._inner.transmit(command)


def _fails(error: AgentError) -> Callable[[], tuple[bytes, int]]:
    def fail() -> tuple[bytes, int]:
        raise error

    return fail


REFUSALS: dict[str, Callable[[], tuple[bytes, int]]] = {
    "6700": lambda: (b"", 0x6700),
    "6D00": lambda: (b"", 0x6D00),
    "6F00": lambda: (b"", 0x6F00),
    "nothing": lambda: (b"", 0x9000),
    "cut short": lambda: (b"\x53\x3b\x30", 0x9000),
    "no transport": _fails(TransportError("SCardTransmit: no")),
    "no end": lambda: (b"x", 0x6101),
}


def sign(desk: PivDesk, connection: NarrowConnection, typed: str = RIGHT) -> Card:
    digest = HashAlgorithm.SHA256.digest(b"it")
    with PivDriver(desk.registry.memory).open(connection) as card:
        (found,) = card.certificates_of(ID_SIGN)
        (made,) = card.sign(ID_SIGN, SecretBytes.from_text(typed), [(HashAlgorithm.SHA256, digest)])
    own = next(each for each in desk.card.data.slots if each.reference == 0x9C)
    assert found.der == own.certificate
    assert is_signature(signer_key(own.key.public_key), made, HashAlgorithm.SHA256, digest)
    return card


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_card_that_promises_it_is_asked_in_one_command(kind: str) -> None:
    desk = PivDesk(wide_card(kind))
    desk.sign()
    assert desk.sent == ["00A40400", "00CB3FFF", "00CB3FFF", "00200080", "00CB3FFF",
                         "00200080", f"0087{ALGORITHMS[kind]}9C"]  # fmt: skip
    desk.sign(count=2)
    key = ["00200080", f"0087{ALGORITHMS[kind]}9C"]
    assert desk.sent == [*OPENED, *key, *key]
    assert len(desk.sent[:5]) <= MOST_COMMANDS


@pytest.mark.parametrize("t0", [False, True])
def test_the_longest_key_signs_on_a_card_that_promises_nothing(t0: bool) -> None:
    desk = PivDesk(piv_card("rsa4096", options=Options(t0=t0)))
    desk.sign()
    desk.sign()
    key = ["1087169C"] * 2 + ["0087169C"] + ["00C00000"] * (3 if t0 else 2)
    assert desk.sent[-len(key) :] == key


def test_t_0_has_no_such_form() -> None:
    options = Options(t0=True, extended_length=True)
    desk = PivDesk(piv_card("rsa2048", options=options))
    desk.sign()
    assert all(command[4:5] != b"\x00" or len(command) < 6 for command, _ in desk.exchanges)


def test_what_was_encrypted_to_the_longest_key_is_decrypted() -> None:
    desk = PivDesk(wide_card("rsa4096"))
    block = b"\x00\x02" + b"\x5a" * 509 + b"\x07"
    numbers = private_key("rsa4096").public_key.public_numbers()
    cryptogram = pow(int.from_bytes(block, "big"), numbers.e, numbers.n).to_bytes(512, "big")  # type: ignore[union-attr]
    with desk.open() as card:
        assert card.decrypt(ID_KEYX, SecretBytes.from_text(RIGHT), [cryptogram]) == (block,)
    assert desk.sent[-1] == "0087169D"


@pytest.mark.parametrize("name", list(REFUSALS))
def test_a_reader_that_refuses_is_found_out_before_any_pin_and_never_asked_again(
    name: str,
) -> None:
    desk = PivDesk(wide_card("rsa2048"))
    connection = NarrowConnection(desk, REFUSALS[name])
    sign(desk, connection)
    assert desk.card.tally.verifies == 1
    assert "1087079C" in connection.said
    connection.said.clear()
    sign(desk, connection)
    assert connection.said == [*OPENED, "00200080", "1087079C", "0087079C", "00C00000"]
    assert desk.card.tally.verifies == 2


def test_a_reader_that_has_room_for_answers_alone_gets_the_right_pin_once_more() -> None:
    desk = PivDesk(wide_card("rsa2048"))
    connection = NarrowConnection(desk, REFUSALS["6700"], fits=32)
    sign(desk, connection)
    assert connection.said[-6:] == ["00200080", "0087079C", "00200080",
                                    "1087079C", "0087079C", "00C00000"]  # fmt: skip
    connection.said.clear()
    sign(desk, connection)
    assert desk.card.tally.verifies == 3
    assert desk.card.tally.wrong_pins == 0


@pytest.mark.parametrize("name", [name for name in REFUSALS if name != "6700"])
def test_what_fails_after_the_pin_is_not_tried_again_and_goes_in_pieces_the_next_time(
    name: str,
) -> None:
    desk = PivDesk(wide_card("rsa2048"))
    connection = NarrowConnection(desk, REFUSALS[name], fits=32)
    with pytest.raises((CardError, TransportError)):
        sign(desk, connection)
    assert desk.card.tally.verifies == 1
    sign(desk, connection)
    assert desk.card.tally.verifies == 2


def test_a_wrong_pin_is_sent_once_whatever_the_reader_does() -> None:
    for fits in (0, 32):
        desk = PivDesk(wide_card("rsa2048"))
        with pytest.raises(PinError) as refused:
            sign(desk, NarrowConnection(desk, REFUSALS["6700"], fits), WRONG)
        assert refused.value.code is ErrorCode.PIN_INCORRECT
        assert (desk.card.tally.verifies, desk.card.tally.wrong_pins) == (1, 1)


def test_a_card_that_is_pulled_has_refused_nothing() -> None:
    desk = PivDesk(wide_card("rsa2048"))
    connection = NarrowConnection(desk, _fails(CardRemovedError("pulled")), fits=32)
    with pytest.raises(CardRemovedError):
        sign(desk, connection)
    connection.fits = 1 << 16
    connection.said.clear()
    sign(desk, connection)
    assert connection.said == [*OPENED, "00200080", "0087079C"]


def test_a_card_that_promises_what_it_does_not_keep_signs_all_the_same() -> None:
    class Boaster(VirtualCard):
        @property
        def atr(self) -> bytes:
            return wide_card().atr

    desk = PivDesk(Boaster(piv_card("rsa2048").data))
    desk.sign()
    desk.sign()
    assert "1087079C" in desk.sent
    assert desk.card.tally.wrong_pins == 0


ALL = [(kind, hash_) for kind in KINDS for hash_ in HashAlgorithm
       if kind.startswith("rsa") or hash_ is not HashAlgorithm.SHA1]  # fmt: skip


@given(st.data())
@settings(max_examples=50, deadline=None)
def test_any_digest_that_a_card_signs_verifies(data: st.DataObject) -> None:
    """What the driver makes of a digest, worked on by the card's bare key operation."""
    kind, hash_ = data.draw(st.sampled_from(ALL))
    digest = data.draw(st.binary(min_size=hash_.length, max_size=hash_.length))
    key = PivKey.of_certificate(der_of(KINDS[kind]))
    own = private_key(kind)
    made = own.private_operation(key.challenge(hash_, digest))
    assert made is not None
    assert is_signature(signer_key(own.public_key), made, hash_, digest)
