"""Cards that are made, prepared and watched: new cards, scenarios, card files."""

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from agent import cli
from agent.errors import AgentError, BadRequestError, ErrorCode, PinError
from agent.virtualcard import cardfile, new_cards
from agent.virtualcard.card_file_provider import CardFileProvider
from agent.virtualcard.issuer import TestIssuer
from agent.virtualcard.model import CardData, Generation
from agent.virtualcard.personalise import Order
from agent.virtualcard.provider import VirtualProvider
from agent.virtualcard.rsa_key import RsaKey
from agent.virtualcard.scenarios import SCENARIOS, make_scenario
from agent.words import Language, section
from tests.card.conftest import CardFactory
from tests.card.wire import Gen1Wire

PATIENCE = 30.0
Keys = dict[Generation, tuple[RsaKey, RsaKey]]


ORDER = Order(Generation.GEN2, "王測試", "A123456789", b"246810")


def test_a_new_card_is_in_its_file(tmp_path: Path) -> None:
    made = new_cards.new_card(tmp_path / "card.json", tmp_path / "issuer", ORDER, key_size=2048)
    data = cardfile.load(tmp_path / "card.json").data
    said = made.as_json()
    assert (said["generation"], said["serial"]) == ("gen2", data.serial)
    assert said["name"] == "王測試"
    assert said["id_number"] == "A123456789"
    assert said["file"] == str(tmp_path / "card.json")
    assert "246810" not in str(said) + repr(made) + repr(ORDER)
    assert (tmp_path / "issuer" / "ca.crl").exists()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"name": ""}, ErrorCode.BAD_REQUEST),
        ({"id_number": "A123456788"}, ErrorCode.BAD_REQUEST),
        ({"pin": b"12345"}, ErrorCode.PIN_LENGTH),
        ({"pin": b"123456789"}, ErrorCode.PIN_LENGTH),
        ({"pin": b"12 456"}, ErrorCode.PIN_LENGTH),
        ({"pin": "１２３".encode()}, ErrorCode.PIN_LENGTH),
    ],
)
def test_a_card_that_cannot_be_made(
    change: dict[str, Any], code: ErrorCode, tmp_path: Path
) -> None:
    with pytest.raises(AgentError) as caught:
        new_cards.new_card(tmp_path / "card.json", tmp_path / "issuer", replace(ORDER, **change))
    assert caught.value.code == code
    assert list(tmp_path.iterdir()) == []  # nor was an authority made for it
    if "pin" in change:
        assert isinstance(caught.value, PinError)
        assert change["pin"].decode() not in caught.value.detail


@pytest.mark.parametrize(
    "wanted", [("--generation", "3"), ("--key", "dsa"), ("--validity", "sometimes")]
)
def test_a_kind_of_card_that_there_is_not(
    wanted: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "card.json")
    with pytest.raises(SystemExit):
        cli.run(["card", "new", "--name", "王測試", "--pin", "123456", "--out", out, *wanted])
    assert f"there is no “{wanted[1]}”; possible: " in capsys.readouterr().err


def test_a_place_where_no_card_can_lie(tmp_path: Path) -> None:
    with pytest.raises(BadRequestError):
        new_cards.new_card(tmp_path / "no" / "card.json", tmp_path / "i", ORDER, key_size=2048)


def test_scenarios_are_named_once_and_told_in_every_language() -> None:
    assert len({scenario.name for scenario in SCENARIOS}) == len(SCENARIOS)
    for scenario in SCENARIOS:
        assert re.fullmatch(r"[a-z0-9-]+", scenario.name)
    for language in Language:
        told = section(language, "scenario")
        assert set(told) == {scenario.name for scenario in SCENARIOS}
    for text in section(Language.CHINESE, "scenario").values():
        assert text.endswith("。")
        assert re.search(r"[,:;()]", text) is None  # Chinese has its own, full-width


def make(name: str, issuer: TestIssuer, keys: Keys) -> CardData:
    return make_scenario(name, issuer, keys[Generation.GEN1])


@pytest.mark.parametrize("name", [scenario.name for scenario in SCENARIOS])
def test_every_scenario_is_a_card_in_a_file(
    test_issuer: TestIssuer, card_keys: Keys, tmp_path: Path, name: str
) -> None:
    data = make(name, test_issuer, card_keys)
    cardfile.save(tmp_path / "card.json", data)
    card = cardfile.load(tmp_path / "card.json")
    card.power_on()
    assert len(card.process(bytes.fromhex("80A40000023F00"))) == 2
    assert cardfile.dump(card.data) == cardfile.dump(data)


def test_a_scenario_that_is_not_there(test_issuer: TestIssuer, card_keys: Keys) -> None:
    with pytest.raises(BadRequestError, match="gen1, gen2"):
        make("holiday", test_issuer, card_keys)


def test_a_scenario_is_made_in_a_file(tmp_path: Path) -> None:
    made = new_cards.new_scenario(
        tmp_path / "card.json", tmp_path / "issuer", "locked", key_size=2048
    )
    wire = Gen1Wire(cardfile.load(tmp_path / "card.json"))
    wire.enter_keys()
    assert wire.verify("123456") == 0x6983
    assert made.generation == "gen1"


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_the_state_folder_that_a_first_card_makes_is_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    smaller = partial(new_cards.new_scenario, key_size=2048)  # the usual keys take their time
    monkeypatch.setattr("agent.commands.card.new_scenario", smaller)
    state, out = tmp_path / "state", tmp_path / "my.card"
    make = ["card", "scenarios", "--make", "gen1", "--out", str(out)]
    assert cli.run([*make, "--state-dir", str(state)]) == 0
    assert (state / "issuer" / "root.cer").is_file()
    assert stat.S_IMODE(state.stat().st_mode) == 0o700


@pytest.fixture
def files(tmp_path: Path, make_card: CardFactory) -> list[Path]:
    paths = [tmp_path / "first.json", tmp_path / "second.json"]
    for path, generation in zip(paths, ("gen1", "gen2"), strict=True):
        cardfile.save(path, make_card(generation).data)
    return paths


@pytest.fixture
def provider(files: list[Path]) -> Iterator[CardFileProvider]:
    provider = CardFileProvider(files)
    yield provider
    provider.close()


def present(provider: VirtualProvider) -> list[bool]:
    return [state.present for state in provider.readers()]


def test_every_file_has_a_reader(provider: CardFileProvider) -> None:
    assert present(provider) == [True, True]
    first, second = provider.readers()
    assert first.atr != second.atr


def test_a_card_is_pulled_with_its_file_and_comes_back_with_it(
    provider: CardFileProvider, files: list[Path]
) -> None:
    known = provider.readers()
    files[0].rename(files[0].with_suffix(".away"))
    known = provider.wait(known, PATIENCE)
    assert [state.present for state in known] == [False, True]
    files[0].with_suffix(".away").rename(files[0])
    known = provider.wait(known, PATIENCE)
    assert [state.present for state in known] == [True, True]


def test_a_file_that_comes_back_as_nonsense_leaves_the_reader_empty(
    provider: CardFileProvider, files: list[Path]
) -> None:
    known = provider.readers()
    files[0].unlink()
    known = provider.wait(known, PATIENCE)
    files[0].write_text("nonsense")
    files[1].unlink()
    known = provider.wait(known, PATIENCE)
    assert [state.present for state in known] == [False, False]


def test_a_wrong_pin_does_not_pull_the_card(provider: CardFileProvider, files: list[Path]) -> None:
    known = provider.readers()
    connection = provider.open(known[0].name)
    for command in ("80A40000025030", "80A40000020810", "80200001"):
        _, sw = connection.transmit(bytes.fromhex(command))
    assert sw == 0x63C2
    assert cardfile.load(files[0]).data.attempts_left == 2
    assert provider.wait(known, 1.0) == known


def test_no_files_are_one_empty_reader() -> None:
    provider = CardFileProvider([])
    try:
        assert present(provider) == [False]
    finally:
        provider.close()


def test_a_file_that_is_not_there_from_the_start_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(BadRequestError):
        CardFileProvider([tmp_path / "typo.json"])
