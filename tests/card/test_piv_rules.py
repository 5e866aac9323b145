"""The virtual PIV card is as strict as the standard lets a card be (SP 800-73-4 part 2)."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_der_x509_certificate

from agent import cli
from agent.errors import BadRequestError, PinError
from agent.iso7816.historical_bytes import takes_extended_length
from agent.iso7816.tlv import read_all, read_one
from agent.virtualcard import cardfile
from agent.virtualcard.issuer_directory import DirectoryIssuer
from agent.virtualcard.model import Faults, Options
from agent.virtualcard.piv_key import PivKeyKind
from agent.virtualcard.scenarios import make_scenario
from tests.card.piv_wire import ALGORITHMS, EVERY_SLOT, PivWire, piv_card, wide_card
from tests.card.wire import SUCCESS
from tests.conftest import CardFactory

DIGEST = bytes(range(32))
P256 = ALGORITHMS["p256"]


@pytest.fixture
def wire() -> PivWire:
    wire = PivWire(piv_card())
    wire.select()
    return wire


def test_it_is_selected_by_its_name_with_or_without_the_version() -> None:
    wire = PivWire(piv_card())
    assert wire.tries() == 0x6D00  # nothing before
    template = read_one(wire.select())
    assert template.tag == 0x61
    assert [item.tag for item in read_all(template.value)] == [0x4F, 0x79, 0x50]
    assert wire.sw("00A404000BA00000030800001000010000") == SUCCESS
    assert wire.sw("00A4040008A00000030800001000") == 0x6A82
    assert wire.sw("00A4040009A000000308000020000000") == 0x6700  # one byte too many
    assert wire.sw("80A4040009A0000003080000100000") == 0x6E00
    assert wire.tries() == 0x63C3


def test_the_tries_are_told_without_one_being_spent(wire: PivWire) -> None:
    assert [wire.tries(), wire.tries()] == [0x63C3, 0x63C3]
    assert wire.verify("111111") == 0x63C2
    assert wire.tries() == 0x63C2
    assert wire.verify() == SUCCESS
    assert wire.tries() == SUCCESS
    wire.card.reset()
    wire.select()
    assert wire.tries() == 0x63C3
    assert wire.card.tally.wrong_pins == 1


def test_three_wrong_pins_lock_it_and_no_fourth_is_compared(wire: PivWire) -> None:
    assert [wire.verify("000000") for _ in range(4)] == [0x63C2, 0x63C1, 0x6983, 0x6983]
    assert (wire.verify(), wire.tries()) == (0x6983, 0x6983)
    assert wire.card.tally.wrong_pins == 3


@pytest.mark.parametrize("field", ["abcdef", "12345", "123456a", ""])
def test_what_can_be_no_pin_costs_no_try(wire: PivWire, field: str) -> None:
    assert wire.verify(field) == 0x6A80
    assert wire.sw("002000800631323334353600"[:22]) == 0x6A80  # not padded
    assert (wire.verify(reference="00"), wire.sw("0020FF80")) == (0x6A88, 0x6A86)
    assert wire.tries() == 0x63C3


def test_the_pin_goes_before_each_signature_and_nothing_in_between(wire: PivWire) -> None:
    key = 0x9C
    assert wire.authenticate(key, P256, DIGEST)[1] == 0x6982
    assert wire.verify() == SUCCESS
    assert wire.authenticate(key, P256, DIGEST)[1] == SUCCESS
    assert wire.authenticate(key, P256, DIGEST)[1] == 0x6982
    for between in (lambda: wire.get("7E"), wire.tries, wire.select, lambda: wire.sw("00FF0000")):
        assert wire.verify() == SUCCESS
        between()
        assert wire.authenticate(key, P256, DIGEST)[1] == 0x6982
    assert wire.card.tally.signatures == 1


def test_the_other_keys_want_the_pin_once_or_never(wire: PivWire) -> None:
    assert wire.authenticate(0x9E, P256, DIGEST)[1] == SUCCESS
    assert wire.authenticate(0x9A, P256, DIGEST)[1] == 0x6982
    assert wire.verify() == SUCCESS
    assert wire.authenticate(0x9A, P256, DIGEST)[1] == SUCCESS
    assert wire.agree(0x9D, P256, _point(wire, 0x9A))[1] == SUCCESS
    assert wire.authenticate(0x9A, P256, DIGEST)[1] == SUCCESS


def _point(wire: PivWire, slot: int) -> bytes:
    """Return the public key of a slot, uncompressed."""
    (own,) = (each.key.public_key for each in wire.card.data.slots if each.reference == slot)
    return own.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def test_the_key_that_others_encrypt_to_agrees_on_another_and_signs_nothing(wire: PivWire) -> None:
    point = _point(wire, 0x9A)
    assert wire.agree(0x9D, P256, point)[1] == 0x6982
    assert wire.verify() == SUCCESS
    answer, sw = wire.agree(0x9D, P256, point)
    assert (sw, answer[:4], len(answer)) == (SUCCESS, bytes.fromhex("7C228220"), 36)
    for given in (b"", point[:-1], b"\x02" + point[1:33], b"\x04" + bytes(64), point + b"\x00"):
        assert wire.agree(0x9D, P256, given)[1] == 0x6A80
    assert wire.authenticate(0x9D, P256, DIGEST)[1] == 0x6A80
    assert wire.agree(0x9A, P256, point)[1] == 0x6A80
    assert (wire.card.tally.decryptions, wire.card.tally.signatures) == (1, 0)


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (f"0087{P256}9C26 7C24 8200 8120 {DIGEST.hex()}", 0x6700),  # no Le
        (f"0087{P256}9C26 7C24 8120 {DIGEST.hex()} 8200 00", 0x6A80),  # the wrong way round
        (f"0087{P256}9C25 7C23 8200 811F {DIGEST[1:].hex()} 00", 0x6A80),  # a digest too short
        (f"0087079C26 7C24 8200 8120 {DIGEST.hex()} 00", 0x6A86),  # another algorithm
        (f"0087{P256}9B26 7C24 8200 8120 {DIGEST.hex()} 00", 0x6A88),  # no such key
        (f"0087{P256}9C02 7C7F 00", 0x6A80),
        (f"1020009C26 7C24 8200 8120 {DIGEST.hex()} 00", 0x6884),
    ],
)
def test_a_command_that_is_not_right_takes_the_pin_back(
    wire: PivWire, command: str, status: int
) -> None:
    assert wire.verify() == SUCCESS
    assert wire.sw(bytes.fromhex(command)) == status
    assert wire.authenticate(0x9C, P256, DIGEST)[1] == 0x6982


def test_a_chain_that_another_command_breaks_is_forgotten() -> None:
    wire = PivWire(piv_card("rsa2048"))
    wire.select()
    assert wire.verify() == SUCCESS
    assert wire.sw("1087079C" + "02" + "7C82") == SUCCESS
    assert wire.sw("0087079A" + "02" + "0106" + "00") == 0x6985  # another key
    assert wire.authenticate(0x9A, "07", bytes(255) + b"\x02")[1] == SUCCESS
    for _ in range(9):
        sw = wire.sw("1087079AFF" + "00" * 255)
    assert sw == 0x6700  # a chain without end


def test_extended_length_is_taken_where_the_card_says_so_and_nowhere_else() -> None:
    key, body = "0087079C", "7C820106820081820100" + "00" * 255 + "02"
    whole = f"{key}00{len(body) // 2:04X}{body}"
    strict, wide = PivWire(piv_card("rsa2048")), PivWire(wide_card("rsa2048"))
    for wire in (strict, wide):
        wire.select()
        assert wire.verify() == SUCCESS
    assert strict.sw(whole + "0000") == 0x6700
    answer, sw = wide.send(whole + "0000")
    assert (sw, len(answer)) == (SUCCESS, 264)
    assert wide.verify() == SUCCESS
    answer, sw = wide.send(whole + "0100")
    assert (sw, len(answer)) == (0x6108, 256)  # the rest is fetched
    assert wide.verify() == SUCCESS
    assert wide.sw(whole) == 0x6700  # no Le
    assert wide.sw(whole + "00") == 0x6700  # half an Le
    assert (takes_extended_length(strict.card.atr), takes_extended_length(wide.card.atr)) == (
        False,
        True,
    )
    for card in (strict.card, wide.card):
        check = 0
        for byte in card.atr[1:]:
            check ^= byte
        assert check == 0  # TCK


def test_no_citizen_card_takes_extended_length(make_card: CardFactory) -> None:
    card = make_card(options=Options(extended_length=True))
    plain = make_card()
    assert card.atr == plain.atr
    card.power_on()
    assert card.process(bytes.fromhex("00B00000 00 0010")) == b"\x67\x00"


@pytest.mark.parametrize("kind", ["p256", "p384", "rsa2048"])
def test_the_objects_hold_what_the_standard_says(kind: str) -> None:
    wire = PivWire(piv_card(kind))
    wire.select()
    (outer,) = read_all(wire.get("5FC102")[0])
    chuid = {item.tag: item.value for item in read_all(outer.value)}
    assert chuid[0x34].hex().upper() == wire.card.data.serial
    assert len(chuid[0x30]) == 25
    for slot, tag in zip(EVERY_SLOT, ("5FC105", "5FC10A", "5FC10B", "5FC101"), strict=True):
        (outer,) = read_all(wire.get(tag)[0])
        items = {item.tag: item.value for item in read_all(outer.value)}
        der = gzip.decompress(items[0x70]) if items[0x71] == b"\x01" else items[0x70]
        (own,) = (each for each in wire.card.data.slots if each.reference == slot)
        assert load_der_x509_certificate(der).public_key() == own.key.public_key
    assert wire.get("7E")[0].hex().upper() == "7E124F0BA0000003080000100001005F2F024000"
    assert wire.get("5FC103")[1] == 0x6A82
    assert wire.sw("00CB3FFF035C01") == 0x6700
    assert wire.sw("00CB3FFE035C017E00") == 0x6A86


def test_a_response_that_is_not_fetched_is_gone(wire: PivWire) -> None:
    assert wire.send("00CB3FFF055C035FC10A00")[1] == 0x6100 | 0x00
    assert wire.tries() == 0x63C3
    assert wire.sw("00C0000000") == 0x6985


def test_a_discovery_object_may_name_the_pin_of_the_card() -> None:
    discovery = bytes.fromhex("7E124F0BA0000003080000100001005F2F026020")
    wire = PivWire(piv_card(files={"7E": discovery}))
    wire.select()
    assert (wire.tries("80"), wire.tries("00")) == (0x6A88, 0x63C3)
    assert wire.verify(reference="00") == SUCCESS


def test_it_survives_in_a_file_and_a_locked_one_stays_locked(tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    options, faults = Options(t0=True, extended_length=True), Faults(rsa_delay_ms=1)
    card = piv_card(attempts_left=1, options=options, faults=faults, files={"5FC103": b"\x53\x00"})
    cardfile.save(path, card.data)
    wire = PivWire(cardfile.load(path))
    assert wire.sw(SELECT_T0) == 0x611F
    assert wire.verify("000000") == 0x6983
    again = cardfile.load(path).data
    assert (again.attempts_left, again.options) == (0, options)
    assert again.serial == card.data.serial
    assert [slot.certificate for slot in again.slots] == [s.certificate for s in card.data.slots]
    assert [slot.key.to_der() for slot in again.slots] == [s.key.to_der() for s in card.data.slots]


SELECT_T0 = "00A4040009A00000030800001000"


def _file_of(card: object) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(cardfile.dump(card))  # type: ignore[arg-type]
    return content


FOREIGN: dict[str, Callable[[Any, Any], Any]] = {
    "serial": lambda _, citizen: citizen["serial"],
    "keys": lambda _, citizen: citizen["keys"],
    "certificates": lambda _, citizen: citizen["certificates"],
    "slots": lambda piv, _: piv["slots"] * 2,
    "files": lambda *_: {"5030/4104": ""},
    "pin": lambda *_: "abcdef",
}
"""What a PIV card's file cannot have in its fields."""


@pytest.mark.parametrize("field", list(FOREIGN))
def test_a_file_that_mixes_kinds_of_cards_is_none(make_gen2_card: CardFactory, field: str) -> None:
    piv, citizen = _file_of(piv_card().data), _file_of(make_gen2_card().data)
    with pytest.raises((BadRequestError, PinError)):
        cardfile.parse(json.dumps(piv | {field: FOREIGN[field](piv, citizen)}).encode())
    for foreign in ("slots", "serial"):
        with pytest.raises(BadRequestError):
            cardfile.parse(json.dumps(citizen | {foreign: piv[foreign]}).encode())


@pytest.mark.parametrize("change", [{"slot": 0x9B}, {"private_key": "AAAA"}, {"size": 1}])
def test_a_file_with_a_slot_that_there_is_not_is_none(change: dict[str, Any]) -> None:
    content = _file_of(piv_card().data)
    content["slots"][0] |= change
    with pytest.raises(BadRequestError):
        cardfile.parse(json.dumps(content).encode())


def test_a_file_from_before_there_were_piv_cards_is_read(make_gen2_card: CardFactory) -> None:
    content = _file_of(make_gen2_card().data)
    del content["slots"]
    assert cardfile.parse(json.dumps(content).encode()).slots == ()


@pytest.mark.parametrize("name", ["piv", "piv-ec", "piv-locked", "piv-no-cert"])
def test_the_prepared_cards_are_what_their_names_say(name: str, test_issuer: Any) -> None:
    data = make_scenario(name, test_issuer)
    assert {slot.reference for slot in data.slots} == {0x9A, 0x9C, 0x9D}
    kinds = {slot.key.kind for slot in data.slots}
    assert kinds == {PivKeyKind.RSA2048 if name == "piv" else PivKeyKind.P256}
    assert (data.attempts_left == 0) == (name == "piv-locked")
    assert all(bool(slot.certificate) == (name != "piv-no-cert") for slot in data.slots)


def _new(tmp_path: Path, *words: str, name: str = "card.json") -> int:
    issuer, out = str(tmp_path / "issuer"), str(tmp_path / name)
    begun = ["card", "new", "--name", "王測試", "--pin", "123456", "--issuer", issuer, "--out", out]
    return cli.run([*begun, "--generation", *words])


def test_a_card_of_any_key_and_slots_is_made(tmp_path: Path) -> None:
    DirectoryIssuer.open(tmp_path / "issuer", 2048)
    assert _new(tmp_path, "piv", "--key", "p384", "--slots", "9c,9E") == 0
    data = cardfile.load(tmp_path / "card.json").data
    assert {slot.reference for slot in data.slots} == {0x9C, 0x9E}
    assert {slot.key.kind for slot in data.slots} == {PivKeyKind.P384}
    assert _new(tmp_path, "piv", "--slots", "9c,9f", name="b.json") == 1
    assert _new(tmp_path, "2", "--key", "p256", name="b.json") == 1
    assert not (tmp_path / "b.json").exists()
