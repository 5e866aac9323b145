"""Neither a hostile card nor a hostile host makes the other side do anything but refuse."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cards.citizen.pkcs15 import read_directory
from agent.cms.der import require_ber, require_der
from agent.cms.errors import CmsError
from agent.errors import UnsupportedCardError
from agent.iso7816.tlv import encode
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.directory import certificate_directory
from agent.virtualcard.issuer import TestIssuer, der
from tests.fuzz import target
from tests.fuzz.budget import bounded
from tests.fuzz.targets import card_directory, certificate

CardFactory = Callable[..., VirtualCard]

TREES = st.recursive(
    st.tuples(st.sampled_from([0x02, 0x03, 0x04, 0x0C, 0x80, 0x81]), st.binary(max_size=24)).map(
        lambda item: encode(*item)
    ),
    lambda inner: st.tuples(
        st.sampled_from([0x30, 0x31, 0xA0, 0xA1]), st.lists(inner, max_size=4).map(b"".join)
    ).map(lambda item: encode(*item)),
    max_leaves=12,
)
COMMANDS = st.one_of(
    st.binary(max_size=300),
    st.builds(
        lambda cla, ins, rest: bytes((cla, ins)) + rest,
        st.sampled_from([0x00, 0x0C, 0x80, 0x84]),
        st.sampled_from([0x20, 0x22, 0x2A, 0x50, 0x82, 0xA4, 0xB0, 0xC0, 0xCA]),
        st.binary(max_size=40),
    ),
)


def damaged(data: st.DataObject, raw: bytes, most: int) -> bytes:
    """Change up to ``most`` bytes, and perhaps cut the end off."""
    copy = bytearray(raw)
    for _ in range(data.draw(st.integers(0, most))):
        copy[data.draw(st.integers(0, len(copy) - 1))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del copy[data.draw(st.integers(0, len(copy))) :]
    return bytes(copy)


@bounded
@given(st.data(), st.integers(1, 231))
def test_a_damaged_directory_is_read_or_refused(
    make_card: CardFactory, data: st.DataObject, piece: int
) -> None:
    raw = certificate_directory(b"\x3f\x00", make_card("gen2").data.certificates)
    target.is_taken(card_directory, bytes((piece,)) + damaged(data, raw, 4))


@bounded
@given(st.lists(TREES, max_size=5).map(b"".join) | st.binary(max_size=600), st.integers(1, 231))
def test_any_directory_file_ends(content: bytes, piece: int) -> None:
    target.is_taken(card_directory, bytes((piece,)) + content)


@pytest.mark.parametrize("pattern", [b"\x30", b"\x30\x82\xff\xff", b"\x30\x02\x30\x00"])
def test_a_directory_without_end_is_given_up(pattern: bytes) -> None:
    def read(offset: int) -> bytes:
        return (pattern * (offset + 231))[offset : offset + 231]

    with pytest.raises(UnsupportedCardError):
        list(read_directory(read))


@bounded
@given(st.binary(max_size=400) | TREES)
def test_what_is_der_is_ber_too(raw: bytes) -> None:
    try:
        require_der(raw, max_size=1000)
    except CmsError:
        return
    require_ber(raw, max_size=1000)


@bounded
@given(st.data())
def test_a_damaged_certificate_is_read_or_refused(
    test_issuer: TestIssuer, data: st.DataObject
) -> None:
    target.is_taken(certificate, damaged(data, der(test_issuer.root.certificate), 4))


@bounded
@given(st.sampled_from(["gen1", "gen2"]), st.lists(COMMANDS, max_size=12))
def test_a_card_answers_whatever_it_is_told(
    make_card: CardFactory, generation: str, commands: list[bytes]
) -> None:
    card = make_card(generation)
    card.power_on()
    for command in commands:
        assert 2 <= len(card.process(command)) <= 258
