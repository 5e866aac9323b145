"""How a key is named to the card: as usual, as its directory says, and when that is in doubt."""

from collections.abc import Callable

import pytest

from agent.cards.card import ID_KEYX, ID_SIGN
from agent.cards.citizen.gen1 import Gen1Card
from agent.cards.memory import CardMemory
from agent.errors import (
    CardError,
    KeyNotFoundError,
)
from tests.unit.cards.file_cards import (
    DIGEST,
    SELECT,
    certificate_entry,
    file_card,
    key_entry,
    open_card,
    pin,
)
from tests.unit.cards.scripted import FileCard


def reference_used(card: FileCard, key_id: bytes, prepare: Callable[[Gen1Card], object]) -> int:
    opened = open_card(card)
    prepare(opened)
    opened.sign(key_id, pin(), [DIGEST])
    return card.connection.sent[-2][3]


def test_keys_are_named_as_usual_where_the_card_does_not_say_otherwise() -> None:
    def nothing(_: Gen1Card) -> None: ...

    assert reference_used(FileCard({}), ID_SIGN, nothing) == 0x01
    assert reference_used(FileCard({}), ID_KEYX, nothing) == 0x05
    with pytest.raises(KeyNotFoundError):
        reference_used(FileCard({}), b"NONE", nothing)


def test_keys_are_named_as_the_key_directory_says() -> None:
    keys = key_entry(ID_SIGN, 0x11) + key_entry(b"NEW", 0x21) + key_entry(ID_SIGN, 0x31)
    card = file_card(certificate_entry(), keys=keys)
    assert reference_used(card, ID_SIGN, lambda opened: opened.certificates()) == 0x11
    assert reference_used(card, b"NEW", lambda _: None) == 0x21
    assert reference_used(card, ID_SIGN, lambda o: next(o.certificates_of(ID_SIGN))) == 0x11


def test_a_reference_that_was_read_differently_twice_is_not_used() -> None:
    card = file_card(certificate_entry(), keys=key_entry(ID_SIGN, 0x11))
    read, times = card.connection._answer, 0

    def change_the_second_time(command: bytes) -> bytes:
        nonlocal times
        if command[1] == SELECT and command[5:7] == b"\x41\x00":
            times += 1
            card.files[0x4100] = key_entry(ID_SIGN, 0x10 + times)
        return read(command)

    card.connection._answer = change_the_second_time
    assert reference_used(card, ID_SIGN, lambda opened: opened.certificates()) == 0x01
    assert times == 2


def test_a_card_without_a_key_directory_is_used_all_the_same() -> None:
    card = file_card(certificate_entry())
    card.missing = {0x4100}
    assert reference_used(card, ID_SIGN, lambda opened: opened.certificates()) == 0x01


def test_a_reference_that_the_card_does_not_know_is_not_used_again() -> None:
    card, memory = file_card(certificate_entry(), keys=key_entry(ID_SIGN, 0x11)), CardMemory()
    card.wrong_references = {0x11}
    opened = open_card(card, memory)
    opened.certificates()
    with pytest.raises(CardError):
        opened.sign(ID_SIGN, pin(), [DIGEST])
    opened.sign(ID_SIGN, pin(), [DIGEST])
    assert card.connection.sent[-2][3] == 0x01
    again = open_card(card, memory)
    again.sign(ID_SIGN, pin(), [DIGEST])
    assert card.connection.sent[-2][3] == 0x01
    assert memory.record(opened.serial).wrong_references == {(ID_SIGN, 0x11)}


def test_a_usual_reference_that_the_card_does_not_know_makes_it_say_another() -> None:
    card = file_card(certificate_entry(), keys=key_entry(ID_SIGN, 0x11))
    card.wrong_references = {0x01}
    opened = open_card(card)
    with pytest.raises(CardError):
        opened.sign(ID_SIGN, pin(), [DIGEST])
    opened.sign(ID_SIGN, pin(), [DIGEST])
    assert card.connection.sent[-2][3] == 0x11


def test_a_certificate_that_the_key_does_not_fit_puts_its_reference_in_doubt() -> None:
    card = file_card(certificate_entry(), keys=key_entry(ID_SIGN, 0x11))
    opened = open_card(card)
    (found,) = opened.certificates()
    opened.reject(found)  # nothing was signed yet: nothing is known of a reference
    opened.sign(ID_SIGN, pin(), [DIGEST])
    assert card.connection.sent[-2][3] == 0x11
    opened.reject(found)
    opened.sign(ID_SIGN, pin(), [DIGEST])
    assert card.connection.sent[-2][3] == 0x01
    opened.reject(found)
    opened.sign(ID_SIGN, pin(), [DIGEST])
    assert card.connection.sent[-2][3] == 0x11  # none is left: as the card says


def test_another_fault_of_the_operation_does_not_put_its_reference_in_doubt() -> None:
    card, memory = FileCard({}), CardMemory()
    card.halves = (b"", b"")
    opened = open_card(card, memory)
    with pytest.raises(CardError):
        opened.sign(ID_SIGN, pin(), [DIGEST])
    assert memory.record(opened.serial).wrong_references == frozenset()


def test_a_decryption_with_another_key_puts_its_reference_in_doubt() -> None:
    card, memory = file_card(certificate_entry(ID_KEYX)), CardMemory()
    opened = open_card(card, memory)
    with pytest.raises(CardError):
        opened.decrypt(ID_KEYX, pin(), [bytes(256)])
    assert memory.record(opened.serial).wrong_references == {(ID_KEYX, 0x05)}
