"""Every buffer that a PIN went through is zero afterwards, also after an error."""

import pytest

from agent.cards.citizen import gen2
from agent.errors import AgentError, CardError, CardRemovedError, PinError, SecureChannelError
from agent.iso7816 import CommandApdu
from agent.secret import SecretBytes
from agent.secure_messaging import protected_verify, scp03
from agent.secure_messaging.protected_verify import pad_pin, verify_command
from agent.secure_messaging.scp03 import Scp03Session
from tests.trace.test_secure_messaging import open_session
from tests.unit.cards.scripted import FileCard, ScriptedConnection, always

HEADER = bytes.fromhex("00200001")
IV = bytes(8)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[SecretBytes]:
    """Collect every secret that the modules make."""
    found: list[SecretBytes] = []

    class Watched(SecretBytes):
        def __init__(self, buffer: bytearray) -> None:
            super().__init__(buffer)
            found.append(self)

    for module in (protected_verify, scp03):
        monkeypatch.setattr(module, "SecretBytes", Watched)
    return found


def pin() -> SecretBytes:
    return SecretBytes.from_text("123456")


def left(made: list[SecretBytes], *wanted: SecretBytes) -> list[SecretBytes]:
    """Return the secrets that are not zero, but for those that the caller is to have."""
    return [each for each in made if any(each.buffer) and not any(each is one for one in wanted)]


def test_the_protected_verify_leaves_nothing_but_the_command(made: list[SecretBytes]) -> None:
    command = verify_command(pin(), IV)
    assert len(made) >= 5  # field, plain text, two cipher texts, command
    assert left(made, command) == []
    assert len(command) == 37


def test_a_protected_verify_that_fails_leaves_nothing(
    made: list[SecretBytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match=r"IV|initialization"):
        verify_command(pin(), bytes(7))
    assert made
    assert left(made) == []

    def fail(_: int) -> bytes:
        raise MemoryError

    monkeypatch.setattr(protected_verify, "_padding", fail)
    with pytest.raises(MemoryError):
        verify_command(pin(), IV)
    assert left(made) == []


def test_a_pin_that_was_taken_back_leaves_nothing(made: list[SecretBytes]) -> None:
    class TakenBack(SecretBytes):
        """Wiped by its owner as soon as it was copied."""

        @property
        def wiped(self) -> bool:
            return True

    with pytest.raises(AgentError) as error:
        pad_pin(TakenBack(bytearray(b"123456")))
    assert error.value.code == "user_cancelled"
    assert [bytes(each.buffer) for each in made] == [bytes(10)]


def test_the_channel_leaves_nothing_but_the_command(made: list[SecretBytes]) -> None:
    session = open_session()
    with pad_pin(pin()) as field:
        command = session.wrap_secret(HEADER, field)
    assert len(made) == 3  # field, plain text, command
    assert left(made, command) == []
    assert len(command) == 29


def test_the_channel_leaves_nothing_of_a_plain_command(made: list[SecretBytes]) -> None:
    open_session().wrap(CommandApdu(0x80, 0xEA, 0x82, 1, b"\x5a" * 128))
    assert len(made) == 2
    assert left(made) == []


@pytest.mark.parametrize("status", ["9000", "63C2", "6F00"])
def test_a_gen2_card_s_pin_field_is_wiped(made: list[SecretBytes], status: str) -> None:
    card = FileCard({})
    card.connection = always(bytes.fromhex(status))
    channel = gen2._Channel(card.session(), open_session())
    if status == "9000":
        channel.verify(pin())
    else:
        with pytest.raises(CardError):
            channel.verify(pin())
    assert len(card.connection.sent) == 1
    assert left(made) == []


def test_a_pin_field_is_wiped_when_the_card_is_pulled(made: list[SecretBytes]) -> None:
    def pull(_: bytes) -> bytes:
        raise CardRemovedError("pulled")

    card = FileCard({})
    card.connection = ScriptedConnection(pull)
    with pytest.raises(CardRemovedError):
        gen2._Channel(card.session(), open_session()).verify(pin())
    assert left(made) == []


@pytest.mark.parametrize("text", ["", "12345678901"])
def test_a_pin_that_does_not_fit_makes_no_buffer(made: list[SecretBytes], text: str) -> None:
    with pytest.raises(PinError) as error:
        pad_pin(SecretBytes.from_text(text))
    assert error.value.code == "pin_length"
    assert made == []


def test_a_channel_that_is_not_open_takes_no_pin(made: list[SecretBytes]) -> None:
    session = Scp03Session(scp03.derive_keys(bytes(10)), bytes(8))
    with pytest.raises(SecureChannelError):
        session.wrap_secret(HEADER, pin())
    assert left(made) == []


@pytest.mark.parametrize("length", [1, 2, 9, 10])
def test_a_pin_is_filled_up_to_ten_bytes(length: int) -> None:
    secret = SecretBytes(bytearray(b"7" * length))
    assert pad_pin(secret).buffer == (b"7" * length).ljust(10, b"\xff")
    assert secret.buffer == b"7" * length
    assert len(verify_command(secret, IV)) == 37
