"""Whatever lies on a PIV card or comes from it is understood, or refused; and nothing else."""

import gzip
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from agent.cards.piv.card import PivDriver
from agent.cards.piv.objects import MAX_CERTIFICATE, certificate_of
from agent.cards.registry import Registry
from agent.errors import AgentError, UnsupportedCardError
from agent.iso7816 import ExtendedApdu
from agent.iso7816.tlv import encode
from agent.virtualcard.piv import certificate_object
from tests.card.piv_wire import PivWire, piv_card, wide_card
from tests.fuzz import target
from tests.fuzz.budget import bounded
from tests.fuzz.targets import piv
from tests.fuzz.test_fuzz_card import damaged
from tests.unit.cards.scripted import ScriptedConnection

TAGS = st.sampled_from([0x30, 0x34, 0x4F, 0x53, 0x5F2F, 0x61, 0x70, 0x71, 0x79, 0x7C, 0x7E, 0x82])
OBJECTS = st.recursive(
    st.binary(max_size=30),
    lambda inner: st.builds(encode, TAGS, st.lists(inner, max_size=4).map(b"".join)),
    max_leaves=10,
)
COMMANDS = st.builds(
    lambda cla, ins, rest: bytes((cla, ins)) + rest,
    st.sampled_from([0x00, 0x10, 0x0C, 0x80]),
    st.sampled_from([0x20, 0x87, 0xA4, 0xC0, 0xCB]),
    st.binary(max_size=60) | st.just(bytes.fromhex("3FFF035C017E00")),
)


@bounded
@given(OBJECTS | st.binary(max_size=300))
def test_any_object_is_understood_or_refused(raw: bytes) -> None:
    target.is_taken(piv, raw)


@bounded
@given(st.data(), st.booleans())
def test_a_damaged_certificate_object_is_read_or_refused(
    data: st.DataObject, compressed: bool
) -> None:
    raw = certificate_object(b"\x30" * 700, compressed=compressed)
    with suppress(UnsupportedCardError):
        certificate = certificate_of(damaged(data, raw, 4))
        assert certificate is None or len(certificate) <= MAX_CERTIFICATE


@bounded
@given(st.binary(max_size=200), st.integers(0, 40))
def test_whatever_is_compressed_is_bounded(content: bytes, times: int) -> None:
    raw = encode(0x53, encode(0x70, gzip.compress(content * times)) + encode(0x71, b"\x01"))
    with suppress(UnsupportedCardError):
        assert certificate_of(raw) == content * times


@bounded
@given(st.lists(st.binary(min_size=2, max_size=60), min_size=1, max_size=12))
def test_a_card_that_says_anything_is_given_up(answers: list[bytes]) -> None:
    said = iter(answers)
    connection = ScriptedConnection(lambda _: next(said, b"\x6f\x00"))
    driver = PivDriver(Registry().memory)
    with suppress(AgentError), driver.open(connection) as card:
        card.certificates()
    assert connection.calls[-1] == "end True"
    assert len(connection.sent) < 600


@bounded
@given(st.lists(COMMANDS | st.binary(max_size=300), max_size=12))
def test_the_card_answers_whatever_it_is_told(commands: list[bytes]) -> None:
    wire = PivWire(piv_card())
    wire.select()
    for command in commands:
        assert 2 <= len(wire.card.process(command)) <= 258


LONG_COMMANDS = st.builds(
    lambda ins, data, le: ExtendedApdu(0, ins, 0x3F, 0xFF, data, le).encode(),
    st.sampled_from([0x20, 0x87, 0xA4, 0xC0, 0xCB]),
    st.binary(max_size=400) | st.just(bytes.fromhex("5C035FC10A")),
    st.integers(1, 0x10000),
)


@bounded
@given(st.lists(LONG_COMMANDS | COMMANDS | st.binary(max_size=300), max_size=12))
def test_a_card_that_takes_long_commands_answers_whatever_it_is_told(
    commands: list[bytes],
) -> None:
    wire = PivWire(wide_card())
    wire.select()
    for command in commands:
        assert len(wire.card.process(command)) >= 2
