"""Whatever comes over the wire, the card answers with a status word and goes on."""

from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.virtualcard.card import VirtualCard
from agent.virtualcard.model import Options
from tests.card.wire import SUCCESS, Gen1Wire, Gen2Wire

CardFactory = Callable[..., VirtualCard]

INSTRUCTIONS = st.sampled_from([0x20, 0x50, 0x82, 0xA4, 0xB0, 0xB2, 0xC0, 0xC1, 0xCA, 0xEA])
CLASSES = st.sampled_from([0x00, 0x04, 0x80, 0x84, 0x8C])
LIKELY = st.builds(
    lambda cla, ins, p, data, le: (
        bytes((cla, ins, *p)) + (bytes((len(data),)) + data if data else b"") + le
    ),
    CLASSES,
    INSTRUCTIONS,
    st.tuples(
        st.sampled_from([0, 1, 2, 3, 4, 5, 0x82]), st.sampled_from([0, 1, 3, 4, 5, 0x0C, 0x80])
    ),
    st.one_of(
        st.sampled_from([bytes.fromhex(fid) for fid in ("3F00", "5030", "0810", "0811", "4104")]),
        st.binary(max_size=255),
        st.binary(min_size=128, max_size=128),
        st.binary(min_size=32, max_size=32),
    ),
    st.sampled_from([b"", b"\x00", b"\x80", b"\x81"]),
)
COMMANDS = st.lists(st.one_of(LIKELY, st.binary(max_size=300)), max_size=20)
bounded = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@bounded
@given(COMMANDS, st.booleans())
def test_gen1_answers_garbage(make_gen1_card: CardFactory, commands: list[bytes], t0: bool) -> None:
    wire = Gen1Wire(make_gen1_card(options=Options(t0=t0)))
    wire.enter_keys()
    wire.verify("123456")
    for command in commands:
        assert 2 <= len(wire.card.process(command)) <= 258
    wire.card.reset()
    assert wire.sw("80A40000023F00") == SUCCESS


@bounded
@given(COMMANDS, st.booleans())
def test_gen2_answers_garbage(make_gen2_card: CardFactory, commands: list[bytes], t0: bool) -> None:
    wire = Gen2Wire(make_gen2_card(options=Options(t0=t0)))
    wire.select_applet()
    for command in commands:
        assert 2 <= len(wire.card.process(command)) <= 258
    wire.select_applet()


@bounded
@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                [(0x00, "A40004"), (0x80, "EA8201"), (0x80, "EA0201"), (0x80, "C10080")]
            ),
            st.one_of(st.binary(max_size=200), st.just(bytes(128)), st.just(b"\x08\x10")),
        ),
        max_size=12,
    )
)
def test_gen2_answers_garbage_from_the_other_end_of_its_channel(
    make_gen2_card: CardFactory, commands: list[tuple[tuple[int, str], bytes]]
) -> None:
    wire = Gen2Wire(make_gen2_card())
    wire.open_channel()
    wire.enter_keys()
    assert wire.verify("123456") == SUCCESS
    for (cla, head), data in commands:
        response = wire.card.process(wire.secure(cla, head, data, 256))
        assert 2 <= len(response) <= 130
        assert response[-2:] != b"\x69\x88"  # a right MAC is a right MAC
