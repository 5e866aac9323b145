"""Card files: a card survives in one, and nothing in one hurts."""

import base64
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.errors import AgentError, BadRequestError, PinError
from agent.virtualcard import cardfile
from agent.virtualcard.model import CardData, Faults, Options
from tests.card.conftest import CardFactory
from tests.card.wire import SUCCESS, Gen1Wire, Gen2Wire


def comparable(data: CardData) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(cardfile.dump(data))
    return content


@pytest.fixture
def content(make_gen1_card: CardFactory) -> dict[str, Any]:
    return comparable(make_gen1_card().data)


def write(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content), "utf-8")
    return path


def test_a_card_comes_back_as_it_was(
    make_card: CardFactory, generation: str, tmp_path: Path
) -> None:
    card = make_card(
        generation,
        name="陳測試",
        attempts_left=2,
        options=Options(t0=True, verify_per_signature=False),
        faults=Faults(remove_at=7, replace={3: b"\x6f\x00"}, rsa_delay_ms=10),
        files={"5030/4104": b"\x30\x00", "5030/9999": b""},
    )
    path = tmp_path / "card.json"
    cardfile.save(path, card.data)
    again = cardfile.load(path)
    assert again.data == card.data or comparable(again.data) == comparable(card.data)
    assert again.data.person.name == "陳測試"
    assert again.data.faults == card.data.faults
    assert again.data.options == card.data.options
    assert again.atr == card.atr


def test_a_card_from_a_file_signs(make_gen2_card: CardFactory, tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    cardfile.save(path, make_gen2_card().data)
    wire = Gen2Wire(cardfile.load(path))
    wire.open_channel()
    wire.enter_keys()
    assert wire.verify("123456") == SUCCESS
    block = bytes(255) + b"\x07"
    assert wire.sign(block) == wire.card.data.keys[0].key.private_operation(block)


def test_only_its_owner_can_read_it(make_gen1_card: CardFactory, tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    cardfile.save(path, make_gen1_card().data)
    assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0 or os.name == "nt"


def test_a_locked_card_stays_locked(make_gen1_card: CardFactory, tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    cardfile.save(path, make_gen1_card().data)
    for expected in (0x63C2, 0x63C1, 0x6983, 0x6983):
        wire = Gen1Wire(cardfile.load(path))
        wire.enter_keys()
        assert wire.verify("654321") == expected
    wire = Gen1Wire(cardfile.load(path))
    wire.enter_keys()
    assert wire.verify("123456") == 0x6983
    assert [entry.name for entry in tmp_path.iterdir()] == ["card.json"]


def test_the_right_pin_sets_the_counter_back_for_good(
    make_gen1_card: CardFactory, tmp_path: Path
) -> None:
    path = tmp_path / "card.json"
    cardfile.save(path, make_gen1_card(attempts_left=1).data)
    wire = Gen1Wire(cardfile.load(path))
    wire.enter_keys()
    assert wire.verify("123456") == SUCCESS
    assert cardfile.load(path).data.attempts_left == 3


def test_a_counter_that_cannot_be_written_gives_nothing_away(
    make_gen1_card: CardFactory, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    cardfile.save(folder / "card.json", make_gen1_card(attempts_left=2).data)
    wire = Gen1Wire(cardfile.load(folder / "card.json"))
    (folder / "card.json").unlink()
    folder.rmdir()
    wire.enter_keys()
    assert wire.verify("654321") == 0x6581
    assert wire.verify("123456") == 0x6581
    assert wire.card.data.attempts_left == 2
    assert wire.sw("80EA820180" + "00" * 128) == 0x6982


def test_a_link_to_a_card_file_stays_a_link(make_gen1_card: CardFactory, tmp_path: Path) -> None:
    cardfile.save(tmp_path / "card.json", make_gen1_card(attempts_left=1).data)
    link = tmp_path / "link.json"
    try:
        link.symlink_to("card.json")
    except OSError:
        pytest.skip("this system lets nobody make links")
    wire = Gen1Wire(cardfile.load(link))
    wire.enter_keys()
    assert wire.verify("123456") == SUCCESS
    assert link.is_symlink()
    assert cardfile.load(tmp_path / "card.json").data.attempts_left == 3


def set_field(*path: str | int, value: object) -> Callable[[dict[str, Any]], None]:
    def change(content: dict[str, Any]) -> None:
        here: Any = content
        for step in path[:-1]:
            here = here[step]
        here[path[-1]] = value

    return change


def der_of(key: Any) -> str:
    raw = key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return base64.b64encode(raw).decode()


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (set_field("format", value="something else"), "format"),
        (set_field("version", value=2), "version"),
        (set_field("version", value=True), "version"),
        (set_field("version", value=1.0), "version"),
        (set_field("generation", value="gen3"), "generation"),
        (set_field("serial", value="short"), "serial"),
        (set_field("serial", value="測" * 16), "serial"),
        (set_field("channel_id", value="AAAA"), "channel_id"),
        (set_field("channel_id", value="!!!!"), "channel_id"),
        (set_field("channel_id", value=["AAAA"]), "channel_id"),
        (set_field("pin", value=123456), "pin"),
        (set_field("pin", value="12 456"), "pin"),
        (set_field("tries_left", value=4), "tries_left"),
        (set_field("tries_left", value=-1), "tries_left"),
        (set_field("tries_left", value=None), "tries_left"),
        (set_field("person", value=[]), "person"),
        (set_field("person", "name", value="x" * 65), "name"),
        (set_field("keys", value={}), "keys"),
        (set_field("keys", value=[1]), "keys[0]"),
        (set_field("keys", 0, "reference", value=0), "keys[0].reference"),
        (set_field("keys", 0, "reference", value=0xFD), "keys[0].reference"),
        (set_field("keys", 0, "reference", value=5), "apart"),
        (set_field("keys", 0, "id", value="金鑰"), "keys[0].id"),
        (set_field("keys", 0, "label", value="a\nb"), "keys[0].label"),
        (set_field("keys", 0, "label", value="\ud800"), "label"),
        (set_field("person", "name", value="a\udfff"), "name"),
        (set_field("keys", 0, "private_key", value="AAAA"), "private key"),
        (set_field("keys", 0, "extra", value=1), "extra"),
        (set_field("certificates", 0, "certificate", value=""), "certificates[0]"),
        (set_field("certificates", 0, "certificate", value="A" * 8000), "certificates[0]"),
        (set_field("certificates", value=[{}] * 9), "certificates"),
        (set_field("options", "t0", value=1), "t0"),
        (set_field("options", "verify_per_signature", value="yes"), "verify_per_signature"),
        (set_field("options", "unknown", value=True), "unknown"),
        (set_field("faults", "rsa_delay_ms", value=10**9), "rsa_delay_ms"),
        (
            set_field("faults", "replace", value={"x": "AAAA"}),
            "'x' is no number of a command",
        ),
        (set_field("faults", "replace", value={"1": 5}), "replace"),
        (set_field("faults", "foreign", value=0x10000), "foreign"),
        (set_field("files", value={"5030/../4104": ""}), "4104"),
        (set_field("files", value={"5030": ""}), "5030"),
        (set_field("files", value={"1234/5678": ""}), "1234/5678"),
        (set_field("files", value={"0900/0903/0001": ""}), "0900/0903/0001"),
        (set_field("surprise", value=1), "surprise"),
    ],
)
def test_a_card_file_with_a_wrong_field_names_it(
    content: dict[str, Any],
    change: Callable[[dict[str, Any]], None],
    names: str,
    tmp_path: Path,
) -> None:
    change(content)
    with pytest.raises(BadRequestError) as caught:
        cardfile.load(write(tmp_path / "card.json", content))
    assert names in caught.value.detail
    assert str(tmp_path) in caught.value.detail or names == "private key"


@pytest.mark.parametrize("name", ["format", "pin", "keys", "certificates", "tries_left"])
def test_a_field_that_is_missing_is_named(
    content: dict[str, Any], name: str, tmp_path: Path
) -> None:
    del content[name]
    with pytest.raises(BadRequestError, match=f"missing required field `{name}`"):
        cardfile.load(write(tmp_path / "card.json", content))


def test_options_faults_and_files_may_be_left_out(content: dict[str, Any], tmp_path: Path) -> None:
    for name in ("options", "faults", "files"):
        del content[name]
    card = cardfile.load(write(tmp_path / "card.json", content))
    assert (card.data.options, card.data.faults, card.data.files) == (Options(), Faults(), {})


def test_only_rsa_2048_keys_are_keys(content: dict[str, Any], tmp_path: Path) -> None:
    for key in (rsa.generate_private_key(65537, 3072), ec.generate_private_key(ec.SECP256R1())):
        content["keys"][0]["private_key"] = der_of(key)
        with pytest.raises(BadRequestError, match="RSA-2048"):
            cardfile.load(write(tmp_path / "card.json", content))


def test_a_pin_that_no_card_has_is_refused(content: dict[str, Any], tmp_path: Path) -> None:
    for pin in ("12345", "123456789"):
        content["pin"] = pin
        with pytest.raises(PinError) as caught:
            cardfile.load(write(tmp_path / "card.json", content))
        assert pin not in str(caught.value)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'"text"',
        b"{",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'{"format": NaN}',
        b'{"format": "ankong-virtual-card", "format": "ankong-virtual-card"}',
        b'{"version": ' + b"9" * 5000 + b"}",
        b" " * ((1 << 20) + 1),
    ],
    ids=range(12),
)
def test_a_file_that_is_no_card_is_refused(raw: bytes, tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    path.write_bytes(raw)
    with pytest.raises(BadRequestError):
        cardfile.load(path)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing", Path(os.devnull)):
        with pytest.raises(BadRequestError):
            cardfile.load(path)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_value_anywhere_is_taken_or_refused(
    content: dict[str, Any], data: st.DataObject
) -> None:
    content["keys"] = []  # which take long to read
    name = data.draw(st.sampled_from(sorted(content)))
    value = data.draw(json_values)
    changed = content | {name: value}
    if isinstance(content[name], dict) and data.draw(st.booleans()):
        inner = data.draw(st.sampled_from([*content[name], "", "1", "5030/4104"]))
        changed = content | {name: content[name] | {inner: value}}
    try:
        parsed = cardfile.parse(json.dumps(changed).encode())
    except AgentError:
        return
    assert cardfile.parse(cardfile.dump(parsed)).serial == parsed.serial
