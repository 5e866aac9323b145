"""What a PIN can be, and which driver a card gets."""

import pytest

from agent.cards.card import PinRules
from agent.cards.citizen import gen1, gen2
from agent.cards.registry import Registry
from agent.errors import ErrorCode, PinError
from agent.secret import SecretBytes
from tests.unit.cards.scripted import ScriptedConnection, always

RULES = PinRules(shortest=6, longest=8, attempts=3)


@pytest.mark.parametrize("text", ["123456", "12345678", "!!!!!!", "~~~~~~", "aB3$%&"])
def test_a_pin_that_a_card_can_have(text: str) -> None:
    RULES.check(SecretBytes.from_text(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "12345",
        "123456789",
        "123 56",
        "12345\x1f",
        "12345\x7f",
        "12345\x80",
        "\n123456",
        "12345\0",
    ],
)
def test_a_pin_that_no_card_has_is_refused(text: str) -> None:
    with pytest.raises(PinError) as error:
        RULES.check(SecretBytes.from_text(text))
    assert error.value.code is ErrorCode.PIN_LENGTH
    assert error.value.attempts_left is None


def test_the_answer_to_reset_chooses_the_driver() -> None:
    registry = Registry()
    for module, name in ((gen1, "gen1"), (gen2, "gen2")):
        driver = registry.by_atr(module.ATR)
        assert driver is not None
        assert driver.generation == name
    assert registry.by_atr(b"\x3b\x00") is None


def test_a_card_is_asked_for_its_applets_first_and_then_for_its_root() -> None:
    connection = always(b"\x6e\x00")
    assert Registry().probe(connection) is None
    assert [raw[:4].hex().upper() for raw in connection.sent] == [
        "00A4040C",
        "00A40400",
        "80A40000",
    ]
    assert connection.calls == ["begin", "end True"] * 3


@pytest.mark.parametrize(("cla", "name"), [(0x00, "gen2"), (0x80, "gen1")])
def test_the_first_driver_that_the_card_knows_is_taken(cla: int, name: str) -> None:
    connection = ScriptedConnection(lambda raw: b"\x90\x00" if raw[0] == cla else b"\x6e\x00")
    driver = Registry().probe(connection)
    assert driver is not None
    assert driver.generation == name
